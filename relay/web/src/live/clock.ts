// The relay's clock as the page can know it. The browser's own wall clock is never asked: it may be years off.

/** How far an estimate may lie off before the relay's clock counts as stepped, in milliseconds. */
const STEP = 2_000;

/**
 * Maps the browser's monotonic milliseconds to the relay's Unix milliseconds. A frame can only arrive late, so of
 * several estimates the latest clock is the best one.
 */
export class RelayClock {
  #offset: number | null = null;

  /** Takes a frame's `now` that arrived at `at` (monotonic). `fresh` forgets what was known, as after a reconnect. */
  observe(now: number, at: number, fresh: boolean): void {
    const offset = now - at;
    if (fresh || this.#offset === null || Math.abs(offset - this.#offset) > STEP) this.#offset = offset;
    else this.#offset = Math.max(this.#offset, offset);
  }

  /** The relay's clock at a monotonic instant; null before the first frame. */
  at(monotonic: number): number | null {
    return this.#offset === null ? null : monotonic + this.#offset;
  }
}
