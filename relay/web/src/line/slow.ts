// "It is slow now": the reader sends this minute of the line to the provider, and sees what the provider says to it.

import { part, setText } from "../dom.ts";
import { usernameOf } from "../live/address.ts";
import type { Target } from "../live/frame.ts";
import { strings } from "../words/en.ts";
import { type Answer, ask } from "./asking.ts";

const words = strings.slow;

/** An open report is asked for again each so many milliseconds, while somebody sees the page. */
const REFRESH_EVERY = 60_000;

/** A report as its subscriber sees it. */
export interface Report {
  number: number;
  /** When the line was pinned, in Unix milliseconds of the relay. */
  made: number;
  answer: string | null;
  closed: number | null;
}

/** The card of the reports of one line. */
export class SlowReports {
  readonly #base: string;
  readonly #card = part(document, "#slow") as HTMLDetailsElement;
  readonly #form = part(document, "#slow-form");
  readonly #input = part(document, "#slow-words") as HTMLTextAreaElement;
  readonly #told = part(document, "#slow-told");
  #target: Target | null = null;
  #report: Report | null = null;
  #isAsking = false;

  /** `base` is the relay's address with its folder and a last slash. */
  constructor(base: string) {
    this.#base = base;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send();
    });
    setInterval(() => {
      if (this.#report?.closed === null && document.visibilityState !== "hidden") void this.#look();
    }, REFRESH_EVERY);
  }

  /** Begins anew with the line of a target, or with none. */
  of(target: Target | null): void {
    this.#target = target;
    this.#show(null);
    void this.#look();
  }

  async #look(): Promise<void> {
    const target = this.#target;
    if (target === null) return;
    const answer = await this.#ask(target);
    if (target === this.#target && answer.status === 200) this.#show(reportOf(answer.body["report"]));
  }

  async #send(): Promise<void> {
    const target = this.#target;
    if (target === null || this.#isAsking) return;
    this.#isAsking = true;
    setText(this.#told, words.sending);
    const answer = await this.#ask(target, { words: this.#input.value });
    this.#isAsking = false;
    if (target !== this.#target) return;
    if (answer.status === 201) this.#input.value = "";
    if (answer.status === 201) return this.#show(reportOf(answer.body));
    setText(this.#told, refusalOf(answer));
    if (answer.status === 409) void this.#look();
  }

  async #ask(target: Target, body?: unknown): Promise<Answer> {
    const username = usernameOf(target);
    if (username === null) return { status: 0, body: {} };
    return ask(`${this.#base}api/v1/lines/${encodeURIComponent(username)}/slow`, target.kind === "token" ? target.token : null, body);
  }

  #show(report: Report | null): void {
    const isNews = report !== null && report.answer !== this.#report?.answer;
    this.#report = report;
    this.#form.hidden = report?.closed === null;
    setText(this.#told, report === null ? "" : sayReport(report, Date.now()));
    if (isNews) this.#card.open = true;
  }
}

/** Reads a report; null for none, and for anything else. */
export function reportOf(value: unknown): Report | null {
  if (typeof value !== "object" || value === null) return null;
  const { number, made, answer, closed } = value as Record<string, unknown>;
  if (typeof number !== "number" || typeof made !== "number") return null;
  return { number, made, answer: typeof answer === "string" ? answer : null, closed: typeof closed === "number" ? closed : null };
}

/** Says a report in words. */
export function sayReport({ number, made, answer, closed }: Report, now: number): string {
  const sent = words.sent(number, strings.moment(made, now));
  if (answer !== null) return `${sent} ${words.answer(answer)}`;
  return `${sent} ${closed === null ? words.waits : words.closed}`;
}

function refusalOf({ status, body }: Answer): string {
  if (status === 409) return words.open;
  if (status !== 429) return words.failed;
  return body["reason"] === "line" ? words.enough : words.busy;
}
