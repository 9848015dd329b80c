// The days behind the line, asked for while the reader looks at a window that reaches beyond the averages.

import { usernameOf } from "../live/address.ts";
import { type Days, readDays, type Target } from "../live/frame.ts";
import { ask } from "./asking.ts";

/** The averages reach back so far, in minutes. */
const REACH = 120;

/** The relay has a new column each so many milliseconds. */
const REFRESH_EVERY = 300_000;

/** Asks for the days of a target, so many hours back; null where the relay has none to tell. */
export type Ask = (target: Target, hours: number) => Promise<Days | null>;

/** Asks at the viewers' door. `base` is the relay's address with its folder and a last slash. */
export function askAt(base: string): Ask {
  return async (target, hours) => {
    const username = usernameOf(target);
    if (username === null) return null;
    const path = `api/v1/lines/${encodeURIComponent(username)}/past?hours=${hours}`;
    return readDays((await ask(base + path, target.kind === "token" ? target.token : null)).body);
  };
}

/** Which days are asked for, and when again. */
export class Behind {
  readonly #ask: Ask | null;
  #target: Target | null = null;
  #hours = 0;
  #askedAt = -Infinity;

  /** Without `ask` there are no days, as in a report that stands still. */
  constructor(ask: Ask | null) {
    this.#ask = ask;
  }

  /** Asks for what a window wants and is not known; `now` is monotonic, in milliseconds. Null for nothing to ask, and for no answer. */
  async wanted(target: Target | null, minutes: number, now: number): Promise<Days | null> {
    const hours = minutes / 60;
    const isKnown = target === this.#target && hours === this.#hours && now - this.#askedAt < REFRESH_EVERY;
    if (this.#ask === null || target === null || minutes <= REACH || isKnown) return null;
    [this.#target, this.#hours, this.#askedAt] = [target, hours, now];
    const days = await this.#ask(target, hours);
    return this.#target === target && this.#hours === hours ? days : null;
  }
}
