// The samples that the page holds: fifteen minutes in one bounded ring. Pure: no clock, no drawing.

import type { Columns } from "./frame.ts";

/** How far back samples are kept, in milliseconds: the longest window. */
export const KEPT = 15 * 60_000;

/** The most samples kept, whatever their times say: two a second. */
const CAPACITY = (KEPT / 1_000) * 2;

/** A gap is a distance of more than so many intervals, and never less than `SHORTEST_GAP` milliseconds. */
const GAP_INTERVALS = 2.5;
const SHORTEST_GAP = 2_500;

/** A sample: Unix milliseconds by the relay's clock, bits per second, and the interval it was taken in. */
export interface Point {
  t: number;
  down: number;
  up: number;
  interval: number;
}

/** Samples as a chart draws them: null where there is a gap, times in seconds. */
export interface Drawn {
  t: number[];
  down: (number | null)[];
  up: (number | null)[];
}

/** Peak and time-weighted average, bits per second. */
export interface Summary {
  peak: number;
  average: number;
}

/** The longest distance between two samples that is not a gap, in milliseconds. */
export function gapLimit(interval: number): number {
  return Math.max(SHORTEST_GAP, GAP_INTERVALS * interval);
}

/** The ring. */
export class Store {
  #points: Point[] = [];
  #revision = 0;

  /** Grows whenever what is held changes. */
  get revision(): number {
    return this.#revision;
  }

  /** The newest sample. */
  get newest(): Point | undefined {
    return this.#points[this.#points.length - 1];
  }

  /** Forgets everything, as for another line. */
  clear(): void {
    this.#points = [];
    this.#revision += 1;
  }

  /** Adds live samples; what does not rise in time is dropped. */
  push(columns: Columns, interval: number): void {
    for (const point of pointsOf(columns, interval)) {
      const newest = this.newest;
      if (newest === undefined || point.t > newest.t) this.#points.push(point);
    }
    this.#trim();
  }

  /**
   * Takes a snapshot's history. Where it reaches, it is the truth (a backfill or a clock step may have changed it); what
   * the page saw before it stays; what lies after the relay's newest sample or in its future belongs to a clock that
   * was wrong.
   */
  merge(history: Columns, interval: number, now: number): void {
    const first = history.t[0];
    const known = new Map(this.#points.map((point) => [point.t, point.interval]));
    const before = this.#points.filter((point) =>
      first === undefined ? point.t <= now : point.t < first - Math.min(point.interval, interval) / 2,
    );
    const taken = pointsOf(history, interval).map((point) => ({ ...point, interval: known.get(point.t) ?? interval }));
    this.#points = [...before, ...taken];
    this.#trim();
  }

  /** The samples after `from` and up to `to`. */
  between(from: number, to: number): Point[] {
    return this.#points.filter((point) => point.t > from && point.t <= to);
  }

  /** All samples with a null in each gap. */
  drawn(): Drawn {
    const drawn: Drawn = { t: [], down: [], up: [] };
    let last: Point | null = null;
    for (const point of this.#points) {
      if (last !== null && isGap(last, point)) {
        drawn.t.push((last.t + point.t) / 2_000);
        drawn.down.push(null);
        drawn.up.push(null);
      }
      drawn.t.push(point.t / 1_000);
      drawn.down.push(point.down);
      drawn.up.push(point.up);
      last = point;
    }
    return drawn;
  }

  #trim(): void {
    const oldest = (this.newest?.t ?? 0) - KEPT;
    this.#points = this.#points.filter((point) => point.t >= oldest).slice(-CAPACITY);
    this.#revision += 1;
  }
}

/** Peak and average of some samples in one direction; null without any. Each counts for the time that it stands for. */
export function summarise(points: readonly Point[], direction: "down" | "up"): Summary | null {
  if (points.length === 0) return null;
  let peak = 0;
  let area = 0;
  let time = 0;
  let last: Point | null = null;
  for (const point of points) {
    const distance = last === null || isGap(last, point) ? point.interval : point.t - last.t;
    peak = Math.max(peak, point[direction]);
    area += point[direction] * distance;
    time += distance;
    last = point;
  }
  return { peak, average: area / time };
}

/** Whether nothing is known of the time between two neighbours. */
export function isGap(earlier: Point, later: Point): boolean {
  return later.t - earlier.t > gapLimit(Math.max(earlier.interval, later.interval));
}

function pointsOf(columns: Columns, interval: number): Point[] {
  return columns.t.map((t, i) => ({ t, down: columns.down[i] ?? 0, up: columns.up[i] ?? 0, interval }));
}
