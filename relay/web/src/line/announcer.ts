// When a screen reader is told something: a new state or verdict soon, figures when they moved, and never more often than
// every fifteen seconds. Pure: time is an argument.

/** The least time between two announcements, in milliseconds. */
export const CADENCE = 15_000;

/** The share by which a figure must move to be worth saying, and the least that counts, in bits per second. */
const MOVED = 0.25;
const LEAST_MOVED = 500_000;

/** What could be said: the sentence with its figures, null where there are none. */
export interface Spoken {
  /** Names the state and verdict without their figures. */
  name: string;
  text: string;
  figures: { down: number; up: number } | null;
}

/** Decides what is said and when. */
export class Announcer {
  #at = -Infinity;
  #said: Spoken | null = null;

  /** The text to be said at `now` (monotonic milliseconds); null for nothing. */
  next(spoken: Spoken, now: number): string | null {
    if (now - this.#at < CADENCE || !this.#isNews(spoken)) return null;
    this.#at = now;
    this.#said = spoken;
    return spoken.text;
  }

  #isNews(spoken: Spoken): boolean {
    const said = this.#said;
    if (said === null || said.name !== spoken.name) return true;
    if (said.figures === null || spoken.figures === null) return said.figures !== spoken.figures;
    return moved(said.figures.down, spoken.figures.down) || moved(said.figures.up, spoken.figures.up);
  }
}

function moved(from: number, to: number): boolean {
  return Math.abs(to - from) >= Math.max(LEAST_MOVED, MOVED * from);
}
