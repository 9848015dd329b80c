// The table of cases: what forty seconds of samples mean beside a plan.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Plan } from "../src/live/frame.ts";
import type { Units } from "../src/line/rate.ts";
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
  units?: Units;
  kind: string | null;
  title?: string;
  detail?: RegExp;
}

const CASES: Case[] = [
  { what: "no plan, no verdict", points: seconds(60, steady(48, 1)), plan: { down: null, up: null }, kind: null },
  { what: "no samples", points: [], kind: "gathering" },
  { what: "nine seconds are too few", points: seconds(9, steady(48.7, 1)), kind: "gathering" },
  { what: "ten will do", points: seconds(10, steady(20, 1)), kind: "room" },
  {
    what: "full for forty seconds",
    points: seconds(60, steady(48.7, 1)),
    kind: "full",
    title: "48.7 of 50 Mbps for 40 s: your line is in full use.",
    detail: /not a speed test/,
  },
  {
    what: "full for the last twelve",
    points: seconds(60, (age) => (age < 12 ? [48.7 * M, M] : [5 * M, M])),
    kind: "full",
    title: "48.7 of 50 Mbps for 10 s: your line is in full use.",
  },
  {
    what: "samples' times jitter",
    points: seconds(40, steady(48.7, 1)).map((point, i) => ({ ...point, t: point.t + (i % 2 === 0 ? 24 : -24) })),
    kind: "full",
    title: "48.7 of 50 Mbps for 40 s: your line is in full use.",
  },
  {
    what: "one dip leaves it full",
    points: seconds(40, (age) => [(age === 7 ? 41 : 49) * M, M]),
    kind: "full",
    title: "48.8 of 50 Mbps for 40 s: your line is in full use.",
  },
  { what: "a pause ends it", points: seconds(40, (age) => [(age === 5 ? 3 : 49) * M, M]), kind: "busy" },
  { what: "full a minute ago is over", points: seconds(60, (age) => [(age > 42 ? 49 : 9) * M, M]), kind: "room" },
  {
    what: "more than the plan",
    points: seconds(40, steady(62, 1)),
    kind: "full",
    title: "62.00 Mbps, more than your plan's 50 Mbps: your line is in full use.",
  },
  {
    what: "upload full",
    points: seconds(40, steady(5, 9.7)),
    kind: "full",
    title: "9.70 of 10 Mbps for 40 s: your upload is in full use.",
    detail: /backup/,
  },
  {
    what: "both full: download",
    points: seconds(40, steady(49, 9.7)),
    kind: "full",
    title: "49.0 of 50 Mbps for 40 s: your line is in full use.",
  },
  {
    what: "both full: the longer one",
    points: seconds(40, (age) => [(age < 15 ? 49 : 9) * M, 9.7 * M]),
    kind: "full",
    title: "9.70 of 10 Mbps for 40 s: your upload is in full use.",
  },
  {
    what: "busy, not full",
    points: seconds(40, steady(38.2, 1)),
    kind: "busy",
    title: "38.2 of 50 Mbps: your line is busy, but not full.",
  },
  { what: "upload busy", points: seconds(40, steady(5, 8)), kind: "busy", title: "8.00 of 10 Mbps: your line is busy, but not full." },
  { what: "in between", points: seconds(40, steady(14.78, 0.62)), kind: "room", title: "Your line has room to spare." },
  {
    what: "quiet",
    points: seconds(40, steady(0.02, 0.01)),
    kind: "quiet",
    title: "0.02 of 50 Mbps: almost nothing uses your line.",
    detail: /look at the Wi-Fi.*not a speed test/,
  },
  { what: "quiet to nothing", points: seconds(40, steady(0, 0)), kind: "quiet", title: "0.00 of 50 Mbps: almost nothing uses your line." },
  { what: "a burst is not quiet", points: seconds(40, (age) => [(age === 20 ? 8 : 0.02) * M, 0]), kind: "room" },
  { what: "upload makes it not quiet", points: seconds(40, steady(0.02, 2)), kind: "room" },
  { what: "2 % of 1 Gbps is not nothing", points: seconds(40, steady(15, 0.1)), plan: { down: 1_000 * M, up: 1_000 * M }, kind: "room" },
  { what: "a small plan's quiet is smaller", points: seconds(40, steady(0.4, 0.01)), plan: { down: 2 * M, up: M }, kind: "room" },
  { what: "only download has a limit", points: seconds(40, steady(49, 80)), plan: { down: 50 * M, up: null }, kind: "full" },
  {
    what: "only upload has a limit",
    points: seconds(40, steady(900, 9.8)),
    plan: { down: null, up: 10 * M },
    kind: "full",
    title: "9.80 of 10 Mbps for 40 s: your upload is in full use.",
  },
  { what: "only upload has a limit, and download is busy", points: seconds(40, steady(30, 0)), plan: { down: null, up: 10 * M }, kind: "room" },
  { what: "what is before a gap does not count", points: seconds(40, (age) => (age > 4 && age < 12 ? null : [49 * M, M])), kind: "gathering" },
  {
    what: "a busy router's samples",
    points: seconds(8, steady(48, 1), 5),
    kind: "full",
    title: "48.0 of 50 Mbps for 40 s: your line is in full use.",
  },
  {
    what: "in bytes",
    points: seconds(40, steady(48.8, 1)),
    units: "bytes",
    kind: "full",
    title: "6.10 of 6.25 MB/s for 40 s: your line is in full use.",
  },
];

for (const { what, points, plan, units, kind, title, detail } of CASES) {
  test(what, () => {
    const verdict = judge(points, plan ?? PLAN, NOW, units ?? "bits");
    assert.equal(verdict?.kind ?? null, kind);
    if (title !== undefined) assert.equal(verdict?.title, title);
    if (detail !== undefined) assert.match(verdict?.detail ?? "", detail);
  });
}
