// The meaning of the figures for somebody whose internet feels slow: a value, and no words. A pure function over the
// newest samples, or over averages until samples come, and the plan. A verdict is about use: this is no speed test.

import type { Direction, Plan } from "../live/frame.ts";
import { isGap, type Point } from "./store.ts";

/** A verdict looks so far back, in milliseconds. */
export const LOOK_BACK = 40_000;

/** A verdict needs samples or averages of so much time, in milliseconds. */
const LEAST = 10_000;

/** The end of the figures that must agree with the figure in sight, in milliseconds. */
const AT_PRESENT = 3_000;

/** Shares of the plan. A shaped line at its limit swings around the limit, and the dip of one second does not free it. */
const FULL = 0.9;
const DIP = 0.8;
export const OVER = 1.1;
const BUSY = 0.7;
const BUSY_STILL = 0.5;

/** A burst is a full sample now, or full samples of so much time, in milliseconds. */
const LEAST_BURST = 2_000;

/** Almost nothing: a share of the plan, and never more than so many bits per second, however large the plan is. */
const QUIET_SHARE = 0.02;
const QUIET_MOST = 500_000;

/** The length of a full run counts in steps of so many seconds, so that the sentence does not change each second. */
const STEP = 10;

/** The meaning of the figures. Limits are bits per second. */
export type Verdict =
  /** Not enough figures yet. */
  | { kind: "gathering" }
  /** One direction has been at its limit for so many seconds, up to now. */
  | { kind: "full"; direction: Direction; limit: number; seconds: number }
  /** One direction carries more than its limit: the plan may be recorded wrongly. */
  | { kind: "over"; direction: Direction; limit: number }
  /** One direction reaches its limit for seconds at a time. */
  | { kind: "bursts"; direction: Direction }
  | { kind: "busy" }
  | { kind: "quiet" }
  | { kind: "room" };

/** The name of a verdict. */
export type VerdictKind = Verdict["kind"];

/** Returns the meaning of the points up to `now` (Unix milliseconds by the relay's clock); null without a plan. */
export function judge(points: readonly Point[], plan: Plan, now: number): Verdict | null {
  if (plan.down === null && plan.up === null) return null;
  const recent = unbroken(points.filter((point) => point.t > now - LOOK_BACK && point.t <= now));
  if (span(recent) < LEAST) return { kind: "gathering" };
  const limited = (["down", "up"] as const).flatMap((direction) => {
    const limit = plan[direction];
    return limit === null ? [] : [new Use(recent, direction, limit)];
  });
  return (
    fullest(limited) ??
    bursts(limited) ??
    (limited.some((use) => use.isBusy) ? { kind: "busy" } : { kind: isQuiet(recent, plan) ? "quiet" : "room" })
  );
}

/** The use of one direction beside its limit. */
class Use {
  readonly #points: readonly Point[];
  readonly #direction: Direction;
  readonly #limit: number;

  constructor(points: readonly Point[], direction: Direction, limit: number) {
    this.#points = points;
    this.#direction = direction;
    this.#limit = limit;
  }

  /** The full run that lasts until now, if there is one of at least `LEAST`. */
  get run(): { seconds: number; verdict: Verdict } | null {
    const full = this.#points.slice(afterLast(this.#points, (point) => this.#share(point) < DIP));
    const average = this.#average(full);
    if (span(full) < LEAST || average < FULL) return null;
    const [direction, limit] = [this.#direction, this.#limit];
    const seconds = Math.floor(span(full) / 1_000 / STEP) * STEP;
    const verdict: Verdict = average > OVER ? { kind: "over", direction, limit } : { kind: "full", direction, limit, seconds };
    return { seconds, verdict };
  }

  /** True if the direction is full now, or was full for a while. */
  get hasBursts(): boolean {
    const newest = this.#points[this.#points.length - 1];
    if (newest !== undefined && this.#share(newest) >= FULL) return true;
    return time(this.#points.filter((point) => this.#share(point) >= FULL)) >= LEAST_BURST;
  }

  /** True if much of the limit is in use, and still is at present. */
  get isBusy(): boolean {
    const end = this.#points[this.#points.length - 1]?.t ?? 0;
    const present = this.#average(this.#points.filter((point) => point.t > end - AT_PRESENT));
    return present >= BUSY || (this.#average(this.#points) >= BUSY && present >= BUSY_STILL);
  }

  get direction(): Direction {
    return this.#direction;
  }

  #share(point: Point): number {
    return point[this.#direction] / this.#limit;
  }

  #average(points: readonly Point[]): number {
    return points.reduce((sum, point) => sum + this.#share(point) * point.interval, 0) / Math.max(1, time(points));
  }
}

/** The direction with the longest full run; download where both are as long. */
function fullest(limited: readonly Use[]): Verdict | null {
  const runs = limited.map((use) => use.run).filter((run) => run !== null);
  return runs.sort((one, other) => other.seconds - one.seconds)[0]?.verdict ?? null;
}

function bursts(limited: readonly Use[]): Verdict | null {
  const use = limited.find(({ hasBursts }) => hasBursts);
  return use === undefined ? null : { kind: "bursts", direction: use.direction };
}

/** True if neither direction carries anything to speak of, nor did for a moment. */
function isQuiet(points: readonly Point[], plan: Plan): boolean {
  return (["down", "up"] as const).every((direction) => {
    const limit = plan[direction];
    const most = limit === null ? QUIET_MOST : Math.min(QUIET_MOST, QUIET_SHARE * limit);
    const mean = points.reduce((sum, point) => sum + point[direction] * point.interval, 0) / Math.max(1, time(points));
    return mean <= most && Math.max(...points.map((point) => point[direction])) <= 3 * most;
  });
}

/** The newest points without a gap among them. */
function unbroken(points: readonly Point[]): readonly Point[] {
  const lastBeforeGap = (point: Point, i: number): boolean => {
    const later = points[i + 1];
    return later !== undefined && isGap(point, later);
  };
  return points.slice(afterLast(points, lastBeforeGap));
}

/** The index behind the last point that fulfils `holds`; 0 without one. */
function afterLast(points: readonly Point[], holds: (point: Point, i: number) => boolean): number {
  let index = points.length;
  while (index > 0 && !holds(points[index - 1] as Point, index - 1)) index -= 1;
  return index;
}

/** The time from the first point's begin to the last point, in milliseconds; to a second, because samples jitter. */
function span(points: readonly Point[]): number {
  const first = points[0];
  const last = points[points.length - 1];
  return first === undefined || last === undefined ? 0 : Math.round((last.t - first.t + first.interval) / 1_000) * 1_000;
}

/** The sum of the times that points stand for, in milliseconds. */
function time(points: readonly Point[]): number {
  return points.reduce((sum, point) => sum + point.interval, 0);
}
