// The figures that the page holds: fifteen minutes of samples in one bounded ring, and two hours of averages, which count
// where there are no samples. Pure: no clock, no drawing.

import type { Averages, Columns } from "../live/frame.ts";

/** How far back samples are kept, in milliseconds. */
export const KEPT = 15 * 60_000;

/** The most samples kept, whatever their times say: two a second. */
const CAPACITY = (KEPT / 1_000) * 2;

/** The most averages kept: two hours of half minutes. */
const MOST_AVERAGES = 240;

/** A gap is a distance of more than so many intervals, and never less than `SHORTEST_GAP` milliseconds. */
const GAP_INTERVALS = 2.5;
const SHORTEST_GAP = 2_500;

/** A sample: Unix milliseconds by the relay's clock, bits per second, and the interval it was taken in. */
export interface Point {
  t: number;
  down: number;
  up: number;
  interval: number;
  /** Whether it is no sample, but an average. */
  coarse?: true;
  /** Over how much time it is one, in milliseconds; its interval may be cut to what no sample covers. */
  span?: number;
}

/** What a chart draws, samples and averages apart: null where there are none, times in seconds. */
export interface Drawn {
  t: number[];
  down: (number | null)[];
  up: (number | null)[];
  coarse: { down: (number | null)[]; up: (number | null)[] };
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
  #averages: Point[] = [];
  #revision = 0;

  /** Grows whenever what is held changes. */
  get revision(): number {
    return this.#revision;
  }

  /** The newest sample. */
  get newest(): Point | undefined {
    return this.#points[this.#points.length - 1];
  }

  /** The newest average. */
  get newestAverage(): Point | undefined {
    return this.#averages[this.#averages.length - 1];
  }

  /** Forgets everything, as for another line. */
  clear(): void {
    this.#points = [];
    this.#averages = [];
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

  /** Takes averages: of their time and after it, they are the truth. */
  average(averages: Averages): void {
    const { interval, start } = averages;
    const taken = averages.down.flatMap((down, i): Point[] => {
      const up = averages.up[i] ?? null;
      return down === null || up === null ? [] : [{ t: start + (i + 1) * interval, down, up, interval, coarse: true, span: interval }];
    });
    const before = this.#averages.filter((point) => point.t < start + interval / 2);
    this.#averages = [...before, ...taken].slice(-MOST_AVERAGES);
    this.#revision += 1;
  }

  /** The samples after `from` and up to `to`. */
  between(from: number, to: number): Point[] {
    return this.#points.filter((point) => point.t > from && point.t <= to);
  }

  /** The averages after `from`. */
  averagesAfter(from: number): Point[] {
    return this.#averages.filter((point) => point.t > from);
  }

  /** The samples after `from`, and averages for the times without any, in order. */
  after(from: number): Point[] {
    return this.#all().filter((point) => point.t > from);
  }

  /** Everything with a null in each gap; an average is a step. */
  drawn(): Drawn {
    const drawn: Drawn = { t: [], down: [], up: [], coarse: { down: [], up: [] } };
    const draw = (t: number, sample: Point | null, average: Point | null): void => {
      drawn.t.push(t / 1_000);
      drawn.down.push(sample?.down ?? null);
      drawn.up.push(sample?.up ?? null);
      drawn.coarse.down.push(average?.down ?? null);
      drawn.coarse.up.push(average?.up ?? null);
    };
    let last: Point | null = null;
    for (const point of this.#all()) {
      const from = point.coarse ? point.t - point.interval : point.t;
      const parts = last !== null && (point.coarse ? last.coarse && from > last.t : !last.coarse && isGap(last, point));
      if (parts && last !== null) draw((last.t + from) / 2, null, null);
      if (point.coarse) {
        draw(from, null, point);
        // A step's end lies before the next one's beginning.
        draw(point.t - 1, null, point);
      } else {
        draw(from, point, null);
      }
      last = point;
    }
    return drawn;
  }

  /** Samples, and in each hole that is as long as an average, the averages cut to it. */
  #all(): Point[] {
    if (this.#averages.length === 0) return this.#points;
    const all: Point[] = [];
    let next = 0;
    const fill = (from: number, to: number): void => {
      for (; next < this.#averages.length; next += 1) {
        const average = this.#averages[next] as Point;
        const begins = Math.max(average.t - average.interval, from);
        const ends = Math.min(average.t, to);
        if (to - from >= average.interval && begins < ends) all.push({ ...average, t: ends, interval: ends - begins });
        if (average.t > to) return;
      }
    };
    let known = -Infinity;
    for (const point of this.#points) {
      fill(known, point.t - point.interval);
      all.push(point);
      known = point.t;
    }
    fill(known, this.newestAverage?.t ?? known);
    return all;
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
    const apart = last === null || isGap(last, point) || point.coarse || last.coarse;
    const distance = apart ? point.interval : point.t - (last?.t ?? 0);
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
