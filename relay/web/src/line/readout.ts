// The two large figures with their share of the plan. Draws what it is told; a figure that is not known is a dash.

import { part, setText } from "../dom.ts";
import type { Direction, Plan } from "../live/frame.ts";
import { figureOf, limitText, type Units } from "./rate.ts";
import { strings } from "../words/en.ts";

/** Figures of more characters than this need the smaller size. */
const LONG = 5;

/** Figures without decimals, below one of the next unit, are no longer than this. */
const WHOLE = 3;

/** One direction's card. */
export class Readout {
  readonly #card: HTMLElement;
  readonly #direction: Direction;
  readonly #number: HTMLElement;
  readonly #unit: HTMLElement;
  readonly #bar: HTMLElement;
  readonly #share: HTMLElement;

  constructor(host: ParentNode, direction: Direction) {
    this.#direction = direction;
    this.#card = part(host, `.readout[data-direction=${direction}]`);
    this.#number = part(this.#card, ".number");
    this.#unit = part(this.#card, ".unit");
    this.#bar = part(this.#card, ".bar b");
    this.#share = part(this.#card, ".share");
  }

  /** Shows a rate in bits per second, null for a dash. */
  show(bitsPerSecond: number | null, plan: Plan, units: Units): void {
    const limit = plan[this.#direction];
    const { figure, unit } = bitsPerSecond === null ? { figure: strings.dash, unit: "" } : figureOf(bitsPerSecond, units);
    setText(this.#number, figure);
    setText(this.#unit, unit);
    this.#card.classList.toggle("whole", figure.length <= WHOLE);
    // Once small, it stays: a line around 100 Mbps would change its size every second.
    if (figure.length > LONG) this.#card.classList.add("long");
    const share = bitsPerSecond === null || limit === null ? 0 : bitsPerSecond / limit;
    this.#bar.style.transform = `scaleX(${Math.min(1, share)})`;
    this.#card.classList.toggle("planned", limit !== null);
    setText(this.#share, this.#shareText(bitsPerSecond, limit, share, units));
  }

  /** Forgets the size, as for another line. */
  reset(): void {
    this.#card.classList.remove("long");
  }

  #shareText(bitsPerSecond: number | null, limit: number | null, share: number, units: Units): string {
    if (limit === null) return strings.planUnknown;
    const plan = limitText(limit, units);
    return bitsPerSecond === null ? strings.planIs(plan) : strings.percentOfPlan(share * 100, plan);
  }
}
