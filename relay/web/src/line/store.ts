// The figures that the page holds: two hours of samples in one bounded list, and two hours of averages for the times
// without samples. Pure: no clock, no drawing.

import type { Averages, Columns, Days, Direction, Rtt } from "../live/frame.ts";

/** Samples and averages are kept for so long, in milliseconds. */
export const KEPT = 120 * 60_000;

/** The most samples kept, whatever their times say: a little over one a second. */
const CAPACITY = (KEPT / 1_000) * 1.25;

/** The most averages kept: two hours of half minutes. */
const MOST_AVERAGES = 240;

/** A gap is a distance of more than so many intervals, and never less than `SHORTEST_GAP` milliseconds. */
const GAP_INTERVALS = 2.5;
const SHORTEST_GAP = 2_500;

/** A sample: Unix milliseconds by the relay's clock, bits per second, and the sample's interval in milliseconds. */
export interface Point {
  t: number;
  down: number;
  up: number;
  interval: number;
  /** The line's response in microseconds, null for a lost probe; absent where nobody measured. */
  rtt?: Rtt;
  /** True for an average; absent for a sample. */
  coarse?: true;
  /** The whole span of an average, in milliseconds; `interval` may be cut to the time without samples. */
  span?: number;
  /** The largest rates within a long average. */
  most?: { down: number; up: number };
}

/** Peak and time-weighted average, bits per second. */
export interface Summary {
  peak: number;
  average: number;
}

/** Returns the longest distance between two samples that is not a gap, in milliseconds. */
export function gapLimit(interval: number): number {
  return Math.max(SHORTEST_GAP, GAP_INTERVALS * interval);
}

/** Samples and averages of one line. */
export class Store {
  #points: Point[] = [];
  #averages: Point[] = [];
  /** The days before the samples and averages. */
  #days: Point[] = [];
  #revision = 0;

  /** A number that grows with every change. */
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
    this.#days = [];
    this.#revision += 1;
  }

  /** Adds live samples; drops samples that do not rise in time. */
  push(columns: Columns, interval: number): void {
    for (const point of pointsOf(columns, interval)) {
      const newest = this.newest;
      if (newest === undefined || point.t > newest.t) this.#points.push(point);
    }
    this.#trim();
  }

  /**
   * Takes a snapshot's history. Within its reach the history replaces the page's own samples, because a backfill or a
   * clock step may have changed them. Earlier samples stay. Samples after the relay's newest one, or in the relay's
   * future, came from a wrong clock and go.
   */
  merge(history: Columns, interval: number, now: number): void {
    const begin = history.t[0];
    const known = new Map(this.#points.map((point) => [point.t, point.interval]));
    const before = this.#points.filter((point) =>
      begin === undefined ? point.t <= now : point.t < begin - Math.min(point.interval, interval) / 2,
    );
    const taken = pointsOf(history, interval).map((point) => ({ ...point, interval: known.get(point.t) ?? interval }));
    this.#points = [...before, ...taken];
    this.#trim();
  }

  /** Takes averages: they replace the known averages of their time and of the time after them. */
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

  /** Takes the days behind the line in the place of those known. */
  past(days: Days): void {
    this.#days = days.down.flatMap((down, i): Point[] => {
      const up = days.up[i] ?? null;
      if (down === null || up === null) return [];
      const { interval, start } = days;
      const most = { down: days.down_most[i] ?? down, up: days.up_most[i] ?? up };
      const rtt = days.rtt[i] ?? null;
      return [{ t: start + (i + 1) * interval, down, up, interval, coarse: true, span: interval, most, ...(rtt !== null && { rtt }) }];
    });
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

  /** The samples after `from`, and averages for the times without samples, in order. */
  after(from: number): Point[] {
    const known = this.#all();
    const first = known[0];
    const begin = first === undefined ? Infinity : first.t - first.interval;
    const days = this.#days.filter((day) => day.t <= begin + day.interval / 2);
    return [...days, ...known].filter((point) => point.t > from);
  }

  /** Samples, and in each hole of an average's length or more, the averages cut to the hole. */
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
    const spare = Math.max(this.#points.findIndex((point) => point.t >= oldest), this.#points.length - CAPACITY, 0);
    if (spare > 0) this.#points = this.#points.slice(spare);
    this.#revision += 1;
  }
}

/** Returns peak and average of points in one direction; null without points. Each point counts for its own time. */
export function summarise(points: readonly Point[], direction: Direction): Summary | null {
  if (points.length === 0) return null;
  let peak = 0;
  let area = 0;
  let time = 0;
  let last: Point | null = null;
  for (const point of points) {
    const apart = last === null || isGap(last, point) || point.coarse || last.coarse;
    const distance = apart ? point.interval : point.t - (last?.t ?? 0);
    peak = Math.max(peak, point.most?.[direction] ?? point[direction]);
    area += point[direction] * distance;
    time += distance;
    last = point;
  }
  return { peak, average: area / time };
}

/** Returns the largest and the median response of points, in microseconds; null without one. */
export function summariseResponses(points: readonly Point[]): Summary | null {
  const answers = points.flatMap(({ rtt }) => (typeof rtt === "number" ? [rtt] : [])).sort((one, other) => one - other);
  const [middle, peak] = [answers[Math.floor(answers.length / 2)], answers[answers.length - 1]];
  return middle === undefined || peak === undefined ? null : { peak, average: middle };
}

/** True if the time between two neighbours is unknown. */
export function isGap(earlier: Point, later: Point): boolean {
  if (earlier.coarse && later.coarse) return later.t - later.interval > earlier.t;
  return later.t - earlier.t > gapLimit(Math.max(earlier.interval, later.interval));
}

function pointsOf(columns: Columns, interval: number): Point[] {
  return columns.t.map((t, i) => {
    const rtt = columns.rtt?.[i];
    return { t, down: columns.down[i] ?? 0, up: columns.up[i] ?? 0, interval, ...(rtt !== undefined && rtt !== 0 && { rtt }) };
  });
}
