// The drawing of windows: gaps, steps, columns with mean and extremes, and averages and samples in one line.

import assert from "node:assert/strict";
import { test } from "node:test";
import { columnWidth, type Run, runsOf } from "../src/line/columns.ts";
import { type Point, Store } from "../src/line/store.ts";

const T = 1_795_363_200_000;

/** Samples at these seconds after T, of these rates. */
function samples(rates: Record<number, number>, interval = 1): Point[] {
  return Object.entries(rates)
    .map(([second, down]) => ({ t: T + Number(second) * 1_000, down, up: down / 2, interval: interval * 1_000 }))
    .sort((one, other) => one.t - other.t);
}

/** An average of half a minute that ends so many seconds after T. */
function average(second: number, down: number): Point {
  return { t: T + second * 1_000, down, up: 0, interval: 30_000, coarse: true, span: 30_000 };
}

const seconds = (runs: readonly Run[]): number[][] => runs.map((run) => run.map(({ t }) => (t - T) / 1_000));
const means = (runs: readonly Run[]): number[][] => runs.map((run) => run.map(({ mean }) => mean));

test("a minute shows each sample, and a gap of more than two and a half intervals", () => {
  const runs = runsOf(samples({ 0: 0, 1: 1, 3.5: 3, 6.1: 6, 7: 7 }), "down", null);
  assert.deepEqual(seconds(runs), [[0, 1, 3.5], [6.1, 7]]);
  assert.deepEqual(means(runsOf(samples({ 0: 4 }), "up", null)), [[2]]);
});

test("a busy router's samples are no gaps", () => {
  assert.equal(runsOf(samples({ 0: 1, 5: 1, 10: 1, 22: 1 }, 5), "down", null).length, 1);
  assert.equal(runsOf(samples({ 0: 1, 5: 1, 18: 1 }, 5), "down", null).length, 2);
});

test("averages are steps, and the samples after them go on with the same line", () => {
  const runs = runsOf([average(-60, 5), average(-30, 7), ...samples({ 5: 9, 6: 9 })], "down", null);
  assert.deepEqual(seconds(runs), [[-90, -60, -60, -30, 5, 6]]);
  assert.deepEqual(means(runs), [[5, 5, 7, 7, 9, 9]]);
  assert.equal(runsOf([average(-90, 5), average(-30, 7)], "down", null).length, 2, "an average that is missing is a gap");
});

test("bursts are a line at their mean, and a band to their extremes", () => {
  // 20 for four seconds of each fourteen: 5.7 on average.
  const bursts = samples(Object.fromEntries(Array.from({ length: 840 }, (_, i) => [i + 1, i % 14 < 4 ? 20 : 0])));
  for (const width of [15_000, 60_000]) {
    const [run] = runsOf(bursts, "down", width);
    const inner = run?.slice(2, -2) ?? [];
    assert.ok(inner.length >= 10);
    assert.ok(inner.every(({ mean }) => mean > 4 && mean < 8.1), `${width}: ${inner.map(({ mean }) => mean.toFixed(1))}`);
    assert.ok(inner.every(({ least, most }) => least === 0 && most === 20));
  }
});

test("columns stand still while the window moves on", () => {
  const all = samples(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [i, i])));
  const inner = (points: readonly Point[]): string[] => (runsOf(points, "down", 15_000)[0] ?? []).slice(3, -3).map(({ t, mean }) => `${t} ${mean}`);
  const later = new Set(inner(all));
  assert.ok(inner(all.slice(7, -20)).every((column) => later.has(column)));
});

test("the drawing begins with its first sample and ends with its newest", () => {
  const [run] = runsOf(samples(Object.fromEntries(Array.from({ length: 33 }, (_, i) => [i + 1, 1]))), "down", 15_000);
  assert.equal(((run?.[0]?.t ?? 0) - T) / 1_000, 1);
  assert.equal(((run?.[run.length - 1]?.t ?? 0) - T) / 1_000, 33);
});

test("an average counts in each column by its time there", () => {
  const [run] = runsOf([average(30, 4), average(60, 8)], "down", 15_000);
  assert.deepEqual(run?.map(({ mean }) => mean), [4, 4, 4, 8, 8, 8]);
  const [wide] = runsOf([average(30, 4), average(60, 8)], "down", 60_000);
  assert.equal(wide?.[1]?.mean, 6);
});

test("a gap ends a drawing of columns too", () => {
  const points = samples(Object.fromEntries(Array.from({ length: 120 }, (_, i) => [i, i > 40 && i < 80 ? -1 : 5])));
  const runs = runsOf(points.filter(({ down }) => down >= 0), "down", 15_000);
  assert.equal(runs.length, 2);
  assert.ok((seconds(runs)[0]?.at(-1) ?? 99) <= 40 && (seconds(runs)[1]?.[0] ?? 0) >= 80);
});

test("a column takes more than a pixel, and windows of some minutes have calm columns", () => {
  for (const pixels of [230, 320, 880]) {
    assert.equal(columnWidth(1, pixels), null);
    for (const minutes of [5, 15, 120]) {
      const width = columnWidth(minutes, pixels) ?? 0;
      assert.ok((width / (minutes * 60_000)) * pixels >= 1, `${minutes} min on ${pixels} px`);
      assert.ok(width >= 5_000);
    }
  }
});

test("a store's samples and averages together have no hole between them", () => {
  const store = new Store();
  store.average({ interval: 30_000, start: T - 120_000, down: [1, 2, 3, 4], up: [0, 0, 0, 0] });
  store.push({ t: [T + 8_000, T + 9_000], down: [5, 5], up: [0, 0] }, 1_000);
  assert.equal(runsOf(store.after(-Infinity), "down", null).length, 1);
  assert.equal(runsOf(store.after(-Infinity), "down", 15_000).length, 1);
});
