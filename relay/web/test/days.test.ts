// The days behind a line: when they are asked for, how they are read, and where they stand among the figures.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Behind } from "../src/line/days.ts";
import { Store, summarise } from "../src/line/store.ts";
import { type Days, readDays, type Target } from "../src/live/frame.ts";

const ALI: Target = { kind: "username", username: "ali" };
const START = 1_795_363_200_000;
const FIVE = 300_000;
const DAYS: Days = {
  interval: FIVE,
  start: START,
  down: [100, null, 300],
  up: [10, null, 30],
  down_most: [150, null, 900],
  up_most: [10, null, 30],
  rtt: [12_000, null, null],
};

test("days are read, and anything else is none", () => {
  assert.deepEqual(readDays({ ...DAYS, lost: [0, null, null] }), DAYS);
  for (const value of [null, 7, {}, { ...DAYS, up: [1] }, { ...DAYS, interval: 0 }, { ...DAYS, rtt: "x" }]) assert.equal(readDays(value), null);
});

test("days are asked for by long windows alone, again after five minutes, and anew for another line", async () => {
  const asked: string[] = [];
  const behind = new Behind(async (target, hours) => {
    asked.push(`${target.kind === "username" ? target.username : ""} ${hours}`);
    return DAYS;
  });
  assert.equal(await behind.wanted(ALI, 120, 0), null);
  assert.equal(await behind.wanted(null, 1_440, 0), null);
  assert.equal(await behind.wanted(ALI, 1_440, 0), DAYS);
  assert.equal(await behind.wanted(ALI, 1_440, FIVE - 1), null, "known");
  await behind.wanted(ALI, 1_440, FIVE);
  await behind.wanted(ALI, 10_080, FIVE);
  await behind.wanted({ kind: "username", username: "bob" }, 10_080, FIVE);
  assert.deepEqual(asked, ["ali 24", "ali 24", "ali 168", "bob 168"]);
  assert.equal(await new Behind(null).wanted(ALI, 1_440, 0), null, "a report stands still");
});

test("an answer that comes behind another question is dropped", async () => {
  let answer = (_: Days): void => undefined;
  const behind = new Behind((_, hours) => (hours === 24 ? new Promise((come) => (answer = come)) : Promise.resolve(null)));
  const late = behind.wanted(ALI, 1_440, 0);
  await behind.wanted(ALI, 10_080, 1);
  answer(DAYS);
  assert.equal(await late, null);
});

test("days stand before the averages and samples, with their gaps and their largest rates", () => {
  const store = new Store();
  store.past(DAYS);
  const ends = (): number[] => store.after(START).map((point) => (point.t - START) / FIVE);
  assert.deepEqual(ends(), [1, 3]);
  assert.equal(summarise(store.after(START), "down")?.peak, 900);
  assert.deepEqual(store.after(START).map(({ rtt }) => rtt), [12_000, undefined]);
  store.average({ interval: 30_000, start: START + 2 * FIVE, down: [7, 8], up: [1, 1] });
  assert.deepEqual(ends(), [1, 2.1, 2.2], "averages are closer than a column of their time");
  store.clear();
  assert.deepEqual(ends(), []);
});
