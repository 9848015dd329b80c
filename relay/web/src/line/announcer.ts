// The choice of announcements for a screen reader: a new state soon, moved figures, and never more than one in fifteen
// seconds. Pure: time is an argument.

/** The least time between two announcements, in milliseconds. */
export const CADENCE = 15_000;

/** A figure is news after a move by this share, and by so many bits per second at least. */
const MOVED = 0.25;
const LEAST_MOVED = 500_000;

/** A possible announcement; `figures` is null without figures, in bits per second. */
export interface Spoken {
  /** The state's name, without figures. */
  name: string;
  text: string;
  figures: { down: number; up: number } | null;
}

/** Chooses the announcements. */
export class Announcer {
  #at = -Infinity;
  #said: Spoken | null = null;

  /** Returns the text to announce at `now` (monotonic milliseconds); null for silence. */
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
