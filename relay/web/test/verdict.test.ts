// The table of cases: what forty seconds of samples mean beside a plan.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Direction, Plan } from "../src/live/frame.ts";
import type { Point } from "../src/line/store.ts";
import { judge } from "../src/line/verdict.ts";

const NOW = 1_795_363_200_000;
const M = 1_000_000;
const PLAN: Plan = { down: 50 * M, up: 10 * M };

type Rates = (age: number) => [down: number, up: number] | null;

/** A sample each second, the newest at NOW; null is a second without one. */
function seconds(count: number, rates: Rates, interval = 1): Point[] {
  const points: Point[] = [];
  for (let age = (count - 1) * interval; age >= 0; age -= interval) {
    const at = rates(age);
    if (at !== null) points.push({ t: NOW - age * 1_000, down: at[0], up: at[1], interval: interval * 1_000 });
  }
  return points;
}

const steady = (down: number, up: number): Rates => () => [down * M, up * M];

interface Case {
  what: string;
  points: Point[];
  plan?: Plan;
  kind: string | null;
  /** Of a full line, for how long. */
  seconds?: number;
  direction?: Direction;
}

const CASES: Case[] = [
  { what: "no plan, no verdict", points: seconds(60, steady(48, 1)), plan: { down: null, up: null }, kind: null },
  { what: "no samples", points: [], kind: "gathering" },
  { what: "nine seconds are too few", points: seconds(9, steady(48.7, 1)), kind: "gathering" },
  { what: "ten will do", points: seconds(10, steady(20, 1)), kind: "room" },
  { what: "full for forty seconds", points: seconds(60, steady(48.7, 1)), kind: "full", seconds: 40, direction: "down" },
  { what: "full for the last twelve", points: seconds(60, (age) => (age < 12 ? [48.7 * M, M] : [5 * M, M])), kind: "full", seconds: 10 },
  {
    what: "samples' times jitter",
    points: seconds(40, steady(48.7, 1)).map((point, i) => ({ ...point, t: point.t + (i % 2 === 0 ? 24 : -24) })),
    kind: "full",
    seconds: 40,
  },
  { what: "one dip leaves it full", points: seconds(40, (age) => [(age === 7 ? 41 : 49) * M, M]), kind: "full", seconds: 40 },
  { what: "a pause makes bursts of it", points: seconds(40, (age) => [(age === 5 ? 3 : 49) * M, M]), kind: "bursts", direction: "down" },
  { what: "full until a moment ago is not full now", points: seconds(60, (age) => [(age > 2 ? 49 : 0.1) * M, M]), kind: "bursts" },
  { what: "full a minute ago is over", points: seconds(60, (age) => [(age > 42 ? 49 : 9) * M, M]), kind: "room" },
  { what: "bursts of video", points: seconds(60, (age) => [(age % 14 < 4 ? 49 : 0.2) * M, 0.1 * M]), kind: "bursts", direction: "down" },
  { what: "the first second of a burst", points: seconds(60, (age) => [(age === 0 ? 49 : 0.2) * M, 0]), kind: "bursts", direction: "down" },
  { what: "one full second, some time ago, is none", points: seconds(60, (age) => [(age === 20 ? 49 : 9) * M, 0]), kind: "room" },
  { what: "bursts of upload", points: seconds(60, (age) => [9 * M, (age % 14 < 4 ? 9.9 : 0.2) * M]), kind: "bursts", direction: "up" },
  { what: "more than the plan", points: seconds(40, steady(62, 1)), kind: "over", direction: "down" },
  { what: "upload full", points: seconds(40, steady(5, 9.7)), kind: "full", seconds: 40, direction: "up" },
  { what: "both full: download", points: seconds(40, steady(49, 9.7)), kind: "full", seconds: 40, direction: "down" },
  { what: "both full: the longer one", points: seconds(40, (age) => [(age < 15 ? 49 : 9) * M, 9.7 * M]), kind: "full", direction: "up" },
  { what: "busy, not full", points: seconds(40, steady(38.2, 1)), kind: "busy" },
  { what: "upload busy", points: seconds(40, steady(5, 8)), kind: "busy" },
  { what: "busy until a moment ago has room", points: seconds(40, (age) => [(age < 4 ? 1 : 38.2) * M, M]), kind: "room" },
  { what: "busy since a moment ago has none", points: seconds(40, (age) => [(age < 4 ? 42 : 1) * M, M]), kind: "busy" },
  { what: "in between", points: seconds(40, steady(14.78, 0.62)), kind: "room" },
  { what: "quiet", points: seconds(40, steady(0.02, 0.01)), kind: "quiet" },
  { what: "quiet to nothing", points: seconds(40, steady(0, 0)), kind: "quiet" },
  { what: "a little for a moment is not quiet", points: seconds(40, (age) => [(age === 20 ? 8 : 0.02) * M, 0]), kind: "room" },
  { what: "upload makes it not quiet", points: seconds(40, steady(0.02, 2)), kind: "room" },
  { what: "2 % of 1 Gbps is not nothing", points: seconds(40, steady(15, 0.1)), plan: { down: 1_000 * M, up: 1_000 * M }, kind: "room" },
  { what: "a small plan's quiet is smaller", points: seconds(40, steady(0.4, 0.01)), plan: { down: 2 * M, up: M }, kind: "room" },
  { what: "only download has a limit", points: seconds(40, steady(49, 80)), plan: { down: 50 * M, up: null }, kind: "full" },
  { what: "only upload has a limit", points: seconds(40, steady(900, 9.8)), plan: { down: null, up: 10 * M }, kind: "full", direction: "up" },
  { what: "only upload has a limit, and download is busy", points: seconds(40, steady(30, 0)), plan: { down: null, up: 10 * M }, kind: "room" },
  { what: "what is before a gap does not count", points: seconds(40, (age) => (age > 4 && age < 12 ? null : [49 * M, M])), kind: "gathering" },
  { what: "a busy router's samples", points: seconds(8, steady(48, 1), 5), kind: "full", seconds: 40 },
  { what: "one average gives a verdict at once", points: averages(5, 48.7), kind: "full", seconds: 30 },
  { what: "an average with room", points: averages(5, 12), kind: "room" },
  { what: "an average and the samples after it", points: [...averages(8, 48.7), ...seconds(4, steady(49, 1))], kind: "full", seconds: 30 },
  { what: "samples refine an average", points: [...averages(8, 48.7), ...seconds(4, steady(1, 1))], kind: "bursts" },
];

/** One average of half a minute that ended so many seconds ago. */
function averages(ago: number, down: number): Point[] {
  return [{ t: NOW - ago * 1_000, down: down * M, up: 0, interval: 30_000, coarse: true, span: 30_000 }];
}

for (const { what, points, plan, kind, seconds, direction } of CASES) {
  test(what, () => {
    const verdict = judge(points, plan ?? PLAN, NOW);
    assert.equal(verdict?.kind ?? null, kind);
    if (seconds !== undefined) assert.equal(verdict?.kind === "full" && verdict.seconds, seconds);
    if (direction !== undefined) assert.equal(verdict !== null && "direction" in verdict && verdict.direction, direction);
  });
}

test("no verdict contradicts the figure beside it", () => {
  // Every rhythm of bursts, seen at each of its seconds.
  for (const period of [2, 5, 9, 14, 25, 45]) {
    for (const busy of [1, 2, 4, 8, 12].filter((length) => length < period)) {
      for (let shift = 0; shift < period; shift += 1) {
        const points = seconds(60, (age) => [((age + shift) % period < busy ? 49 : 0.2) * M, 0]);
        const now = points[points.length - 1]?.down ?? 0;
        const kind = judge(points, PLAN, NOW)?.kind ?? "";
        assert.ok(now > 0.9 * 50 * M ? ["full", "bursts"].includes(kind) : kind !== "full", `${kind} at ${now}: ${busy} of ${period} s, ${shift}`);
      }
    }
  }
});
