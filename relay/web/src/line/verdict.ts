// What the figures mean for somebody whose internet feels slow. A pure function over the last samples and the plan; it
// says nothing without a plan, for then nobody knows what is much. It speaks of use: this is no speed test.

import type { Direction, Plan } from "../live/frame.ts";
import { limitText, rateText, shareText, type Units } from "./rate.ts";
import { isGap, type Point } from "./store.ts";
import { strings } from "../words/en.ts";

/** How far back a verdict looks, in milliseconds. */
export const LOOK_BACK = 40_000;

/** A verdict needs samples of so much time, in milliseconds. */
const LEAST = 10_000;

/** Shares of the plan. A shaped line at its limit swings around it, and one second's dip does not make it free. */
const FULL = 0.9;
const DIP = 0.8;
const OVER = 1.1;
const BUSY = 0.7;

/** Almost nothing: this share of the plan, and never more than this in bits per second, however large the plan is. */
const QUIET_SHARE = 0.02;
const QUIET_MOST = 500_000;

/** A run of full samples is named in steps of so many seconds, so that the sentence does not change each second. */
const STEP = 10;

/** What kind of use it is; the page picks its sign by it. */
export type VerdictKind = "gathering" | "full" | "busy" | "room" | "quiet";

/** A verdict in words. */
export interface Verdict {
  kind: VerdictKind;
  title: string;
  detail: string;
}

/** Judges the samples up to `now` (Unix milliseconds by the relay's clock); null without a plan. */
export function judge(points: readonly Point[], plan: Plan, now: number, units: Units): Verdict | null {
  if (plan.down === null && plan.up === null) return null;
  const words = strings.verdict;
  const recent = unbroken(points.filter((point) => point.t > now - LOOK_BACK && point.t <= now));
  if (span(recent) < LEAST) return { kind: "gathering", title: words.gathering, detail: words.notASpeedTest };

  const full = fullest(recent, plan);
  if (full !== null) return fullVerdict(full, units);

  const busy = use(recent, plan).find(({ average, limit }) => average >= BUSY * limit);
  if (busy !== undefined) {
    return { kind: "busy", title: words.busy(shareText(busy.average, busy.limit, units)), detail: words.notASpeedTest };
  }
  const main = use(recent, plan)[0];
  if (main !== undefined && isQuiet(recent, plan)) {
    const title = words.quiet(shareText(main.average, main.limit, units));
    return { kind: "quiet", title, detail: words.quietDetail };
  }
  return { kind: "room", title: words.room, detail: words.notASpeedTest };
}

/** A direction at its limit: its average over the run, and for how long it has been so. */
interface Run {
  direction: Direction;
  average: number;
  limit: number;
  seconds: number;
}

function fullVerdict(run: Run, units: Units): Verdict {
  const words = strings.verdict;
  const detail = run.direction === "up" ? words.uploadFullDetail : words.fullDetail;
  if (run.average > OVER * run.limit) {
    const title = words.over(rateText(run.average, units), limitText(run.limit, units));
    return { kind: "full", title, detail };
  }
  const say = run.direction === "up" ? words.uploadFull : words.full;
  return { kind: "full", title: say(shareText(run.average, run.limit, units), run.seconds), detail };
}

/** The direction that is full the longest; download where both are. */
function fullest(points: readonly Point[], plan: Plan): Run | null {
  const runs = (["down", "up"] as const)
    .map((direction) => run(points, direction, plan[direction]))
    .filter((candidate) => candidate !== null);
  return runs.reduce<Run | null>((best, next) => (best === null || next.seconds > best.seconds ? next : best), null);
}

/** The newest samples of a direction that are at its limit on the average; null if that is less than `LEAST`. */
function run(points: readonly Point[], direction: Direction, limit: number | null): Run | null {
  if (limit === null) return null;
  const full = points.slice(afterLast(points, (point) => point[direction] < DIP * limit));
  const average = mean(full, direction);
  if (span(full) < LEAST || average < FULL * limit) return null;
  const seconds = Math.floor(span(full) / 1_000 / STEP) * STEP;
  return { direction, average, limit, seconds };
}

/** Each limited direction's average, download first. */
function use(points: readonly Point[], plan: Plan): { average: number; limit: number }[] {
  return (["down", "up"] as const).flatMap((direction) => {
    const limit = plan[direction];
    return limit === null ? [] : [{ average: mean(points, direction), limit }];
  });
}

/** Whether neither direction carries anything to speak of, nor did for a moment. */
function isQuiet(points: readonly Point[], plan: Plan): boolean {
  return (["down", "up"] as const).every((direction) => {
    const limit = plan[direction];
    const most = limit === null ? QUIET_MOST : Math.min(QUIET_MOST, QUIET_SHARE * limit);
    return mean(points, direction) <= most && Math.max(...points.map((point) => point[direction])) <= 3 * most;
  });
}

/** The newest samples without a gap among them. */
function unbroken(points: readonly Point[]): readonly Point[] {
  const lastBeforeGap = (point: Point, i: number): boolean => {
    const later = points[i + 1];
    return later !== undefined && isGap(point, later);
  };
  return points.slice(afterLast(points, lastBeforeGap));
}

/** The index behind the last point that is `such`; 0 where none is. */
function afterLast(points: readonly Point[], such: (point: Point, i: number) => boolean): number {
  let index = points.length;
  while (index > 0 && !such(points[index - 1] as Point, index - 1)) index -= 1;
  return index;
}

/** The time that samples stand for, in milliseconds, the first one's own interval included; to a second, for they jitter. */
function span(points: readonly Point[]): number {
  const first = points[0];
  const last = points[points.length - 1];
  return first === undefined || last === undefined ? 0 : Math.round((last.t - first.t + first.interval) / 1_000) * 1_000;
}

function mean(points: readonly Point[], direction: Direction): number {
  return points.reduce((sum, point) => sum + point[direction], 0) / points.length;
}
