// The places of the busiest lines on the board. A line keeps its place until its rank has differed from its place for a
// minute, so that nothing jumps under a reader's eye. Pure: time is an argument.

/** A rank has to last so long before the places follow, in milliseconds. */
export const SETTLED = 60_000;

/** The places. */
export class Places {
  #places: (string | null)[] = [];
  #differsSince = new Map<string, number>();

  /** Returns the names in their places; `ranked` are the names from the busiest on. */
  next(ranked: readonly string[], now: number): string[] {
    const kept = this.#places.map((name) => (name !== null && ranked.includes(name) ? name : null)).slice(0, ranked.length);
    const fresh = ranked.filter((name) => !kept.includes(name));
    while (kept.length < ranked.length) kept.push(null);
    const filled = kept.map((name) => name ?? fresh.shift() ?? "");
    this.#places = this.#isSettled(filled, ranked, now) ? [...ranked] : filled;
    for (const name of [...this.#differsSince.keys()]) {
      if (this.#places.indexOf(name) === ranked.indexOf(name)) this.#differsSince.delete(name);
    }
    return this.#places as string[];
  }

  /** True if some line's rank has differed from its place for long enough. */
  #isSettled(places: readonly string[], ranked: readonly string[], now: number): boolean {
    return places.some((name, i) => {
      if (ranked[i] === name) return false;
      const since = this.#differsSince.get(name) ?? now;
      this.#differsSince.set(name, since);
      return now - since >= SETTLED;
    });
  }
}
