// The relay's clock, as known to the page. The browser's own wall clock may be years off and is never asked.

/** An estimate off by more than this means that the relay's clock stepped, in milliseconds. */
const STEP = 2_000;

/**
 * Maps the browser's monotonic milliseconds to the relay's Unix milliseconds. Frames arrive late and never early, so the
 * latest of several estimates is the best.
 */
export class RelayClock {
  #offset: number | null = null;

  /** Takes a frame's `now`, arrived at `at` (monotonic). `fresh` forgets earlier estimates, as after a reconnect. */
  observe(now: number, at: number, fresh: boolean): void {
    const offset = now - at;
    if (fresh || this.#offset === null || Math.abs(offset - this.#offset) > STEP) this.#offset = offset;
    else this.#offset = Math.max(this.#offset, offset);
  }

  /** Returns the relay's clock at a monotonic instant; null before the first frame. */
  at(monotonic: number): number | null {
    return this.#offset === null ? null : monotonic + this.#offset;
  }
}
