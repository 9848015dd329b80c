// How the line answers, in the page's words: the strip beside the figures, the sums beside the chart of responses, and the
// figures behind "Why do we say that?". Decides nothing.

import { part, setText } from "../dom.ts";
import type { Plan } from "../live/frame.ts";
import { evidence, strings } from "../words/en.ts";
import type { Feed } from "./feed.ts";
import type { Unit } from "./rate.ts";
import { lossOf, reasonsOf } from "./reasons.ts";
import { type Answers, answersOf, isSlow } from "./response.ts";
import type { Point } from "./store.ts";
import type { Evidence } from "./why.ts";

const words = evidence.answers;

/** The parts of the page about responses. */
export class Answering {
  readonly #place = part(document, "#response-place");
  readonly #manner = part(document, "#response-manner");
  readonly #figure = part(document, "#response");
  readonly #typical = part(document, "#typical");
  readonly #lost = part(document, "#lost");
  readonly #why = part(document, "#why") as HTMLDetailsElement;
  readonly #reasons = part(document, "#reasons");

  constructor(onOpen: () => void) {
    this.#why.addEventListener("toggle", onOpen);
  }

  /** Shows the newest response beside the figures. `current` is the newest figure while current; null otherwise. */
  show({ isProbed, status }: Feed, { answers }: Evidence, current: Point | null): void {
    document.body.toggleAttribute("data-probed", isProbed);
    if (!isProbed) return;
    setText(this.#place, status?.response === "provider" ? words.toProvider : words.toRouter);
    setText(this.#manner, answers === null ? "" : mannerOf(answers));
    setText(this.#figure, typeof current?.rtt === "number" ? strings.response(current.rtt) : strings.dash);
  }

  /** Shows the sums of a window's points. */
  sum(points: readonly Point[]): void {
    const answers = answersOf(points, null, points.length);
    setText(this.#typical, strings.milliseconds(answers?.typical ?? null));
    setText(this.#lost, answers === null ? strings.dash : lossOf(answers));
  }

  /** Fills the figures behind the verdict, if they are open. Only a running line has a verdict. */
  explain(isRunning: boolean, points: readonly Point[], plan: Plan, unit: Unit, found: Evidence): void {
    this.#why.classList.toggle("idle", !isRunning);
    if (!this.#why.open) return;
    reasonsOf(points, plan, unit, found).forEach(([term, text], i) => {
      const row = this.#reasons.children[i] ?? this.#reasons.appendChild(emptyRow());
      setText(part(row, "dt"), term);
      setText(part(row, "dd"), text);
    });
  }
}

/** "Slow, no loss", "As usual, 4 of 40 lost". */
function mannerOf(answers: Answers): string {
  const speed = answers.quiet === null || answers.typical === null ? [] : [isSlow(answers) ? words.slow : words.usual];
  return [...speed, answers.lost === 0 ? words.noLoss : words.lost(lossOf(answers))].join(strings.comma);
}

function emptyRow(): HTMLElement {
  const row = document.createElement("div");
  row.append(document.createElement("dt"), document.createElement("dd"));
  return row;
}
