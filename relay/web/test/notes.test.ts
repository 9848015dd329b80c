// The small print under the charts, and the line that is copied for support.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Status } from "../src/live/frame.ts";
import { noteOf } from "../src/line/notes.ts";
import { unitOf } from "../src/line/rate.ts";
import { summaryOf } from "../src/line/reading.ts";
import type { Point } from "../src/line/store.ts";

const T = new Date(2026, 10, 28, 19, 25, 13).getTime();
const STATUS: Status = { state: "running", since: null, sessions: 1, interval: 1_000, now: T, notice: null, support: false, response: null, quiet: null };
const PLAN = { down: 20e6, up: 5e6 };

const sample = (ago: number): Point => ({ t: T - ago * 1_000, down: 19.8e6, up: 0.42e6, interval: 1_000 });
const average = (ago: number): Point => ({ ...sample(ago), interval: 30_000, coarse: true, span: 30_000 });
const note = (points: Point[], status = STATUS, minutes = 1): string => noteOf(points, status, T - minutes * 60_000, minutes);

test("a window that is full of samples needs no note, nor does an empty one", () => {
  assert.equal(note(Array.from({ length: 60 }, (_, i) => sample(59 - i))), "");
  assert.equal(note([]), "");
});

test("a window that is empty at its begin says since when there are figures", () => {
  assert.equal(note([sample(19), sample(18)]), "No figures from before 19:24:53.");
});

test("averages are told, alone or up to the samples", () => {
  assert.equal(note([average(30), average(0)]), "Averages over 30 seconds.");
  assert.equal(note([average(30), sample(29)]), "Until 19:24:43: averages over 30 seconds.");
});

test("a busy router and several sessions are told", () => {
  const full = Array.from({ length: 12 }, (_, i) => ({ ...sample(55 - i * 5), interval: 5_000 }));
  assert.equal(note(full, { ...STATUS, interval: 5_000 }), "The router is busy: figures come every 5 seconds.");
  assert.equal(note(full, { ...STATUS, sessions: 2 }), "2 connections of your line together.");
  assert.equal(note(full, { ...STATUS, response: "silent" }), "Your router answers no probes, so its response is not known.");
});

test("the line for support names line, time, rates beside the plan, state and day", () => {
  const unit = unitOf(PLAN, 0, "bits");
  const name = "4446@karoo.example";
  const read = { t: T, point: sample(0) };
  assert.equal(
    summaryOf(name, read, PLAN, unit, "Your line is full."),
    "4446@karoo.example, 19:25:13: 19.8 of 20 Mbps down, 0.42 of 5 Mbps up. Your line is full. (28 November 2026)",
  );
  for (const [rtt, told] of [[12_345, ", response 12 ms"], [null, ", probe lost"]] as const) {
    assert.match(summaryOf(name, { t: T, point: { ...sample(0), rtt } }, PLAN, unit, "Your line is full."), new RegExp(`up${told}\\. Your`));
  }
  assert.equal(
    summaryOf(name, { t: T, point: null }, PLAN, unit, "Your router is not connected to us."),
    "4446@karoo.example, 19:25:13: no figures. Your router is not connected to us. (28 November 2026)",
  );
});
