// The ring of samples: what it keeps, what a snapshot changes, where the gaps are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RelayClock } from "../src/live/clock.ts";
import type { Columns } from "../src/live/frame.ts";
import { KEPT, Store, summarise, summariseResponses } from "../src/line/store.ts";

const T = 1_795_363_200_000;

/** Samples at these seconds after T, each with its second as download and half of it as upload. */
function at(...seconds: number[]): Columns {
  return { t: seconds.map((s) => T + s * 1_000), down: seconds, up: seconds.map((s) => s / 2) };
}

function times(store: Store): number[] {
  return store.between(-Infinity, Infinity).map((point) => (point.t - T) / 1_000);
}

test("samples rise in time, and what does not is dropped", () => {
  const store = new Store();
  store.push(at(1), 1_000);
  store.push(at(1), 1_000);
  store.push(at(0), 1_000);
  store.push(at(2, 3), 1_000);
  assert.deepEqual(times(store), [1, 2, 3]);
  assert.equal(store.newest?.down, 3);
});

test("a response is kept, a lost probe is not one that was never sent", () => {
  const store = new Store();
  store.push({ ...at(1, 2, 3, 4, 5), rtt: [12_000, null, 0, 340_000, 14_000] }, 1_000);
  store.push(at(6), 1_000);
  const points = store.between(-Infinity, Infinity);
  assert.deepEqual(points.map(({ rtt }) => rtt), [12_000, null, undefined, 340_000, 14_000, undefined]);
  assert.deepEqual(summariseResponses(points), { peak: 340_000, average: 14_000 });
  assert.equal(summariseResponses(points.slice(1, 3)), null);
});

test("two hours are kept and no more", () => {
  const store = new Store();
  for (let s = 0; s <= 8_000; s += 1) store.push(at(s), 1_000);
  assert.equal(times(store)[0], 8_000 - KEPT / 1_000);
  assert.equal(times(store).length, KEPT / 1_000 + 1);
});

test("however dense samples come, the ring is bounded", () => {
  const store = new Store();
  const t = Array.from({ length: 12_000 }, (_, i) => T + i);
  store.push({ t, down: t, up: t }, 1_000);
  assert.equal(times(store).length, 9_000);
  assert.equal(store.newest?.t, T + 11_999);
});

test("a snapshot fills holes, and what lies before it stays", () => {
  const store = new Store();
  store.push(at(1, 2, 3, 7, 8), 1_000);
  store.merge(at(3, 4, 5, 6, 7, 8, 9), 1_000, T + 9_100);
  assert.deepEqual(times(store), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("a snapshot's times are the truth where it reaches", () => {
  const store = new Store();
  store.push(at(1, 2, 3.01, 4.01, 99), 1_000);
  store.merge(at(3, 4, 5), 1_000, T + 5_100);
  assert.deepEqual(times(store), [1, 2, 3, 4, 5]);
});

test("a snapshot without history takes away only what its clock has not reached", () => {
  const store = new Store();
  store.push(at(1, 2, 60), 1_000);
  store.merge(at(), 1_000, T + 10_000);
  assert.deepEqual(times(store), [1, 2]);
});

test("peak and average count each sample for its time", () => {
  const store = new Store();
  store.push({ t: [T, T + 1_000], down: [10, 10], up: [0, 0] }, 1_000);
  store.push({ t: [T + 3_000], down: [40], up: [8] }, 1_000);
  const points = store.between(-Infinity, Infinity);
  assert.deepEqual(summarise(points, "down"), { peak: 40, average: (10 + 10 + 80) / 4 });
  assert.deepEqual(summarise(points, "up"), { peak: 8, average: 4 });
  assert.equal(summarise([], "down"), null);
});

test("a gap weighs nothing in the average", () => {
  const store = new Store();
  store.push({ t: [T, T + 60_000], down: [10, 30], up: [0, 0] }, 1_000);
  assert.equal(summarise(store.between(-Infinity, Infinity), "down")?.average, 20);
});

/** Averages of half minutes, the first of which begins so many seconds after T. */
function averages(start: number, ...down: (number | null)[]) {
  return { interval: 30_000, start: T + start * 1_000, down, up: down };
}

function after(store: Store, from = -Infinity): [seconds: number, down: number, interval: number, coarse: boolean][] {
  return store.after(from).map(({ t, down, interval, coarse }) => [(t - T) / 1_000, down, interval / 1_000, coarse === true]);
}

test("averages count until the first sample", () => {
  const store = new Store();
  store.average(averages(-70, 5, null, 7));
  store.push(at(11, 12), 1_000);
  assert.deepEqual(after(store), [
    [-40, 5, 30, true],
    [10, 7, 20, true],
    [11, 11, 1, false],
    [12, 12, 1, false],
  ]);
  store.average(averages(20, 9));
  assert.equal(after(store).at(-1)?.[0], 50, "and again after the last, where samples have stopped for as long");
  store.push(at(...Array.from({ length: 40 }, (_, i) => 13 + i)), 1_000);
  assert.deepEqual(after(store).filter(([, , , coarse]) => coarse).map(([t]) => t), [-40, 10]);
});

test("averages are cut to the hole that they fill, and a short hole stays one", () => {
  const store = new Store();
  store.average(averages(0, 1, 2, 3, 4));
  store.push(at(...Array.from({ length: 20 }, (_, i) => i), 40, 80, 81), 1_000);
  assert.deepEqual(
    after(store).filter(([, , , coarse]) => coarse),
    [
      [60, 2, 20, true],
      [79, 3, 19, true],
      [90, 3, 9, true],
      [120, 4, 30, true],
    ],
    "from 19 to 40 is less than an average",
  );
});

test("newer averages follow, and of their time they are the truth", () => {
  const store = new Store();
  store.average(averages(0, 1, 2, 3));
  store.average(averages(61, 33, 4));
  assert.deepEqual(after(store).map(([t, down]) => [t, down]), [[30, 1], [60, 2], [91, 33], [121, 4]]);
  assert.equal(store.newestAverage?.down, 4);
  for (let s = 150; s < 20_000; s += 30) store.average(averages(s, 1));
  assert.equal(after(store).length, 240);
  store.clear();
  assert.deepEqual(after(store), []);
});

test("peak and average count averages for their time", () => {
  const store = new Store();
  store.average(averages(0, 10));
  store.push(at(31, 32), 1_000);
  const points = store.after(-Infinity);
  assert.deepEqual(summarise(points, "down"), { peak: 32, average: (300 + 31 + 32) / 32 });
});

test("the revision tells a change", () => {
  const store = new Store();
  const before = store.revision;
  store.push(at(1), 1_000);
  assert.notEqual(store.revision, before);
  store.clear();
  assert.deepEqual(times(store), []);
});

test("the relay's clock is the least delayed estimate, and a step starts it anew", () => {
  const clock = new RelayClock();
  assert.equal(clock.at(0), null);
  clock.observe(T, 500, true);
  clock.observe(T + 1_000, 1_400, false);
  assert.equal(clock.at(2_400), T + 2_000);
  clock.observe(T + 3_000, 3_700, false);
  assert.equal(clock.at(3_400), T + 3_000, "a late frame changes nothing");
  clock.observe(T - 60_000, 4_000, false);
  assert.equal(clock.at(4_000), T - 60_000);
});
