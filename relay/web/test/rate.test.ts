// Figures to the letter: customers read them out to the support desk.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Plan } from "../src/live/frame.ts";
import { figureOf, limitText, rateText, shareText, type Units, unitOf } from "../src/line/rate.ts";

const plain = (text: string): string => text.replace(/\u00a0/g, " ");
const plan = (down: number | null, up: number | null): Plan => ({ down, up });
const M = 1_000_000;

test("one unit for a line, from its plan", () => {
  const cases: [Plan, highest: number, Units, unit: string][] = [
    [plan(20 * M, 5 * M), 0, "bits", "Mbps"],
    [plan(20 * M, 512_000), 19 * M, "bits", "Mbps"],
    [plan(20 * M, 5 * M), 2_345 * M, "bits", "Mbps"],
    [plan(512_000, 128_000), 500_000, "bits", "kbps"],
    [plan(512_000, null), 500_000, "bits", "Mbps"],
    [plan(1_000 * M, 500 * M), 985 * M, "bits", "Mbps"],
    [plan(2_500 * M, 2_500 * M), 3 * M, "bits", "Gbps"],
    [plan(null, null), 3_000, "bits", "Mbps"],
    [plan(null, null), 2_345 * M, "bits", "Gbps"],
    [plan(20 * M, 5 * M), 0, "bytes", "MB/s"],
    [plan(512_000, 128_000), 0, "bytes", "kB/s"],
  ];
  for (const [limits, highest, units, unit] of cases) assert.equal(unitOf(limits, highest, units).name, unit, JSON.stringify(limits));
});

test("three digits at most, and two decimals at most", () => {
  const unit = unitOf(plan(20 * M, 5 * M), 0, "bits");
  const cases: [rate: number, text: string][] = [
    [0, "0.00"], [4_999, "<0.01"], [5_000, "0.01"], [420_000, "0.42"], [6_550_000, "6.55"], [9_994_999, "9.99"], [9_995_000, "10.0"],
    [14_780_000, "14.8"], [99_949_000, "99.9"], [99_950_000, "100"], [181_000_000, "181"], [2_345_000_000, "2345"],
  ];
  for (const [rate, text] of cases) assert.equal(figureOf(rate, unit), text, String(rate));
});

test("a figure that is not known is a dash, and a figure never parts from its unit", () => {
  const unit = unitOf(plan(20 * M, 5 * M), 0, "bits");
  assert.equal(rateText(null, unit), "–");
  assert.equal(rateText(0, unit), "0.00\u00a0Mbps");
  assert.equal(shareText(19_800_000, 20 * M, unit), "19.8\u00a0of\u00a020\u00a0Mbps");
});

test("limits without needless decimals, in the line's unit", () => {
  const limits = (units: Units): string[] =>
    [50 * M, 2_500_000, 512_000].map((limit) => plain(limitText(limit, unitOf(plan(50 * M, M), 0, units))));
  assert.deepEqual(limits("bits"), ["50 Mbps", "2.5 Mbps", "0.51 Mbps"]);
  assert.deepEqual(limits("bytes"), ["6.25 MB/s", "0.31 MB/s", "0.06 MB/s"]);
});

test("a share of an unknown plan is the rate alone", () => {
  assert.equal(plain(shareText(19_800_000, null, unitOf(plan(null, null), 0, "bits"))), "19.8 Mbps");
});
