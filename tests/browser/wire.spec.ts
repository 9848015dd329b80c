// The scripted relay speaks as the real one: its frames are the golden ones, on both transports, and it refuses to send others.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { WebSocket } from "ws";
import { averagesFrame, FakeRelay, type Frame, sample, samples, snapshot, state } from "./fake-relay.ts";
import { departures, goldenFrames } from "./wire.ts";

const NOW = 1_795_363_200_500;
const SINCE = 1_795_359_600_000;
const AVERAGES = {
  interval: 30_000,
  start: 1_795_363_070_000,
  down: [14_778_368, null, 0, 48_013_312],
  up: [619_520, null, 1_000, 0],
};
const HISTORY = {
  t: [1_795_363_198_000, 1_795_363_199_000, 1_795_363_200_000],
  down: [14_780_000, 14_790_000, 0],
  up: [620_000, 0, 1_000],
};
const PLAN = { down: 50_000_000, up: 10_000_000 };
const BARE = {
  username: "caf%E9 50%25",
  display: "café 50%",
  customer: null,
  package: null,
  brand: null,
  plan: { down: null, up: null },
  state: "unknown",
  since: null,
  sessions: 0,
  expires: null,
  now: NOW,
};
const TWO = { t: [1_795_363_200_000, 1_795_363_201_000], down: [1, 14_780_000], up: [0, 620_000] };
const measured = (more: Frame): Frame => ({ type: "sample", t: 1_795_363_201_000, down: 14_780_000, up: 620_000, ...more });
const known = (more: Frame): Frame => snapshot({ since: SINCE, expires: 1_803_135_600_000, now: NOW, ...more });
const told = (name: string, more: Frame): Frame => state(name, { now: 1_795_363_202_500, ...more });

/** The golden frames as the scripted relay makes them. */
const MADE: Record<string, Frame> = {
  "snapshot-running.json": known({ history: HISTORY }),
  "snapshot-averages.json": known({ averages: AVERAGES }),
  "snapshot-shared.json": known({ history: HISTORY, plan: { ...PLAN, shared: true } }),
  "snapshot-support.json": known({ history: HISTORY, support: true }),
  "snapshot-bare.json": snapshot(BARE),
  "sample.json": sample(1_795_363_201_000, { down: 14_780_000, up: 620_000 }),
  "samples.json": samples({ t: [1_795_363_201_000, 1_795_363_202_000], down: [14_780_000, 1], up: [620_000, 0] }),
  "sample-response.json": measured({ rtt: 12_345 }),
  "sample-lost.json": measured({ rtt: null }),
  "sample-drops.json": measured({ rtt: 12_345, drops: 3 }),
  "samples-response.json": samples({ ...TWO, rtt: [0, 12_345] }),
  "samples-drops.json": samples({ ...TWO, rtt: [0, 12_345], drops: [0, 3] }),
  "snapshot-response.json": known({ history: { ...HISTORY, rtt: [12_345, null, 0] }, response: "router", quiet: 11_800 }),
  "state-silent.json": told("running", { since: SINCE, sessions: 1, response: "silent" }),
  "self.json": { type: "self", rtt: 8_300 },
  "averages.json": averagesFrame({ interval: 30_000, start: 1_795_363_190_000, down: [14_778_368], up: [619_520] }),
  "state-averages.json": told("running", { since: SINCE, sessions: 1, interval: 30_000, notice: "averages" }),
  "state-busy.json": told("running", { since: SINCE, sessions: 2, interval: 5_000 }),
  "state-offline.json": told("offline", { since: 1_795_363_202_000 }),
  "state-support.json": { ...told("running", { since: SINCE, sessions: 1, interval: 1_000 }), support: true },
  "state-unreachable.json": told("unreachable", {}),
};

test("its frames are the golden ones, byte for byte", () => {
  const golden = goldenFrames();
  for (const [name, frame] of Object.entries(MADE)) assert.equal(JSON.stringify(frame), golden.get(name), name);
  assert.deepEqual([...golden.keys()].sort(), [...Object.keys(MADE), "error-link-expired.json"].sort());
});

test("both transports carry each of them as it is, and end with the error's frame and code", async () => {
  const golden = goldenFrames();
  const relay = await FakeRelay.start();
  relay.answer = (viewer) => {
    for (const frame of Object.values(MADE)) viewer.send(frame);
    viewer.close(4103, "link_expired");
  };
  const all = [...Object.keys(MADE), "error-link-expired.json"].map((name) => golden.get(name));

  const socket = new WebSocket(`${relay.origin.replace("http", "ws")}/api/v1/live`);
  const heard: string[] = [];
  socket.on("open", () => socket.send('{"type":"watch","token":"a.b.c"}'));
  socket.on("message", (data) => heard.push(String(data)));
  const [code] = (await once(socket, "close")) as [number];
  assert.deepEqual(heard, all);
  assert.equal(code, 4103);

  const events = await fetch(`${relay.origin}/api/v1/lines/4446/live`);
  const named = all.map((text) => `event: ${(JSON.parse(text ?? "") as Frame)["type"]}\ndata: ${text}\n\n`);
  assert.equal(await events.text(), named.join(""));

  relay.answer = (viewer) => viewer.close(4103, "link_expired");
  const refused = await fetch(`${relay.origin}/api/v1/lines/4446/live`);
  assert.equal(refused.status, 401);
  assert.equal(await refused.text(), `${golden.get("error-link-expired.json")}\n`);
  await relay.stop();
});

test("a frame that the relay would not write is not sent", async () => {
  for (const text of goldenFrames().values()) assert.deepEqual(departures(JSON.parse(text) as Frame), []);
  assert.deepEqual(departures(snapshot({ notice: "too_many_watched" })), []);
  assert.deepEqual(departures({ type: "sample", t: 1, down: 2 }), ["up is missing"]);
  assert.deepEqual(departures(sample(1, { down: 2, up: null as unknown as number })), ["up has null"]);
  assert.deepEqual(departures({ ...sample(1, { down: 2, up: 3 }), rx: 4 }), ["rx is no golden key"]);
  assert.deepEqual(departures(snapshot({ plan: { down: 1 } })), ["plan has the keys down"]);
  assert.deepEqual(departures({ type: "later" }), ["no golden frame is of the type later"]);
  const relay = await FakeRelay.start();
  assert.throws(() => relay.send({ type: "sample", t: "now" }), /not a frame of the relay/);
  await relay.stop();
});
