// The table of reasons: rates, the line's response and this page's own, and the sentence that follows from them.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Rtt } from "../src/live/frame.ts";
import { unitOf } from "../src/line/rate.ts";
import { answersOf } from "../src/line/response.ts";
import { tell } from "../src/line/sentences.ts";
import type { Point } from "../src/line/store.ts";
import { judge } from "../src/line/verdict.ts";
import { reasonOf } from "../src/line/why.ts";

const NOW = 1_795_363_200_000;
const PLAN = { down: 20e6, up: 5e6 };
const QUIET = 12_000;
const FULL = 18.9;

/** Forty seconds: rates in Mbit/s, and responses in milliseconds by age; null is a lost probe, undefined none. */
function seconds(down: number, up: number, response: (age: number) => number | null | undefined): Point[] {
  return Array.from({ length: 40 }, (_, i) => {
    const rtt = response(39 - i);
    const measured: { rtt?: Rtt } = rtt === undefined ? {} : { rtt: rtt === null ? null : rtt * 1_000 };
    return { t: NOW - (39 - i) * 1_000, down: down * 1e6, up: up * 1e6, interval: 1_000, ...measured };
  });
}

const steady = (milliseconds: number) => (): number => milliseconds;
const losing = (lost: number) => (age: number): number | null => (age % 8 === 1 && age < lost * 8 ? null : 12);

interface Case {
  what: string;
  points: Point[];
  plan?: { down: number | null; up: number | null };
  quiet?: number | null;
  /** This page's own response, in milliseconds. */
  device?: number | null;
  kind: string | null;
  title?: RegExp;
  detail?: RegExp;
}

const CASES: Case[] = [
  { what: "full, response grown", points: seconds(FULL, 0.4, steady(340)), kind: "full_slow", title: /^Your line is full, and answers slowly\.$/, detail: /^It answers in 340 ms instead of 12\. All 20 Mbps are in use for 40 s\. Pause/ },
  { what: "upload full, response grown", points: seconds(1, 4.9, steady(340)), kind: "full_slow", title: /^Your upload is full, and the line answers slowly\.$/ },
  { what: "full, and losing", points: seconds(FULL, 0.4, losing(4)), kind: "full_slow", detail: /^4 of 40 probes were lost\. All 20 Mbps/ },
  { what: "full at times, response grown", points: seconds(0, 0.4, steady(340)).map((point, i) => ({ ...point, down: i % 10 < 4 ? 19e6 : 1e6 })), kind: "full_slow", title: /^In bursts your line is full/, detail: /^It answers in 340 ms instead of 12\. Pause/ },
  { what: "full, response steady", points: seconds(FULL, 0.4, steady(14)), kind: "full_prompt", title: /^Your line is full, but still answers at once\.$/, detail: /^All 20 Mbps have been in use for 40 s\./ },
  { what: "full, and this device slow: full says it", points: seconds(FULL, 0.4, steady(14)), device: 900, kind: "full_prompt" },
  { what: "full, nobody knows the quiet response", points: seconds(FULL, 0.4, steady(340)), quiet: null, kind: null, title: /^Your line is full\.$/ },
  { what: "full, nobody measures", points: seconds(FULL, 0.4, () => undefined), kind: null, title: /^Your line is full\.$/ },
  { what: "not full, response grown", points: seconds(3, 0.4, steady(310)), kind: "slow", title: /^Your line is not full, but answers slowly\.$/, detail: /^It answers in 310 ms instead of 12\. That is on our side, or on the way to you: please tell us\.$/ },
  { what: "not full, losing", points: seconds(3, 0.4, losing(3)), kind: "slow", title: /^Your line is not full, but loses packets\.$/, detail: /^3 of 40 probes were lost\. That is on our side/ },
  { what: "both", points: seconds(3, 0.4, (age) => (age % 10 === 1 ? null : 310)), kind: "slow", detail: /^It answers in 310 ms instead of 12\. 4 of 40 probes were lost\. That is/ },
  { what: "losing, the quiet response not known", points: seconds(3, 0.4, losing(3)), quiet: null, kind: "slow", title: /loses packets/ },
  { what: "one lost probe is chance", points: seconds(3, 0.4, losing(1)), kind: null, title: /room to spare/ },
  { what: "every probe lost", points: seconds(3, 0.4, () => null), kind: "slow", title: /loses packets/, detail: /^40 of 40 probes were lost/ },
  { what: "nearly full, response grown: it may be full", points: seconds(15, 0.4, steady(310)), kind: "slow_perhaps_full", title: /^Your line answers slowly\.$/, detail: /Pause what is busy\. If it stays so, please tell us\.$/ },
  { what: "without a plan nothing is full", points: seconds(900, 0.4, steady(310)), plan: { down: null, up: null }, kind: "slow_perhaps_full", title: /^Your line answers slowly\.$/ },
  { what: "line well, this device slow", points: seconds(3, 0.4, steady(12)), device: 210, kind: "device", title: /^Your line is well, but this device is slow\.$/, detail: /^The line answers in 12 ms, this device needs 210 ms\. Look at its Wi-Fi, or go closer to the router\.$/ },
  { what: "busy, and this device slow", points: seconds(15, 0.4, steady(12)), device: 210, kind: "device" },
  { what: "a far line, and the device on it", points: seconds(3, 0.4, steady(580)), quiet: 560_000, device: 640, kind: "well" },
  { what: "all well", points: seconds(3, 0.4, steady(12)), device: 19, kind: "well", title: /^Your line and this device are well\.$/, detail: /^If one site is slow, it is that site or the way to it\.$/ },
  { what: "all well without a plan", points: seconds(3, 0.4, steady(12)), plan: { down: null, up: null }, device: 19, kind: "well" },
  { what: "busy and well is busy", points: seconds(15, 0.4, steady(12)), device: 19, kind: null, title: /busy, but not full/ },
  { what: "nothing known of this device", points: seconds(3, 0.4, steady(12)), kind: null, title: /room to spare/ },
  { what: "the quiet response not known", points: seconds(3, 0.4, steady(340)), quiet: null, device: 400, kind: null, title: /room to spare/ },
  { what: "nobody measures", points: seconds(3, 0.4, () => undefined), device: 900, kind: null, title: /room to spare/ },
  { what: "slow since five seconds", points: seconds(3, 0.4, (age) => (age < 5 ? 310 : 12)), kind: "slow" },
  { what: "well again since five seconds", points: seconds(3, 0.4, (age) => (age < 5 ? 12 : 310)), device: 19, kind: "well" },
  { what: "one late answer", points: seconds(3, 0.4, (age) => (age === 2 ? 900 : 12)), device: 19, kind: "well" },
  { what: "a little slower than usual", points: seconds(3, 0.4, steady(60)), device: 19, kind: "well" },
  { what: "above the plan: the plan is doubted", points: seconds(29, 0.4, steady(340)), kind: null, title: /more than its plan/ },
  { what: "too few figures", points: seconds(3, 0.4, steady(340)).slice(-8), kind: null, title: /Looking at your line/ },
];

for (const { what, points, plan = PLAN, quiet = QUIET, device = null, kind, title, detail } of CASES) {
  test(what, () => {
    const use = judge(points, plan, NOW);
    const finding = reasonOf({ use, answers: answersOf(points, quiet), device: device === null ? null : device * 1_000 });
    assert.equal(finding?.kind ?? null, kind);
    const said = tell({ kind: "running", verdict: use, finding, averages: null }, unitOf(plan, 0, "bits"), NOW);
    assert.match(said.title.replace(/\u00a0/g, " "), title ?? /\.$/);
    assert.match(said.detail.replace(/\u00a0/g, " "), detail ?? /\.$/);
    assert.doesNotMatch(`${said.title} ${said.detail}`, /null|NaN|undefined/);
    const lines = Math.ceil(said.title.length / 27) + Math.ceil(said.detail.length / 34);
    assert.ok(lines <= 6, `${lines} lines: ${said.title} ${said.detail}`);
  });
}
