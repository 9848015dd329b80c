// The parser against the golden files, what a later relay may send, and what nobody may.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Frame, parseFrame, watchFrame } from "../src/live/frame.ts";
import { golden, viewerFrames } from "./golden.ts";

function frame(name: string): Frame {
  const parsed = parseFrame(golden(`viewer/${name}.json`));
  if (parsed.kind !== "frame") throw new Error(`${name}: ${JSON.stringify(parsed)}`);
  return parsed.frame;
}

test("every golden viewer frame is read", () => {
  const names = viewerFrames();
  assert.ok(names.length >= 8, `only ${names.length} golden files`);
  for (const name of names) {
    const text = golden(`viewer/${name}`);
    const parsed = parseFrame(text);
    assert.equal(parsed.kind, "frame", `${name}: ${JSON.stringify(parsed)}`);
    assert.equal(parsed.kind === "frame" && parsed.frame.type, (JSON.parse(text) as { type: string }).type, name);
  }
});

test("a snapshot's fields", () => {
  assert.deepEqual(frame("snapshot-running"), {
    type: "snapshot",
    identity: {
      username: "4446@karoo.example",
      display: "4446@karoo.example",
      customer: "Protea Motors",
      package: "Fibre Direct 50/10",
      brand: "Karoo Wireless",
      plan: { down: 50_000_000, up: 10_000_000 },
      expires: 1_803_135_600_000,
    },
    status: {
      state: "running",
      since: 1_795_359_600_000,
      sessions: 1,
      interval: 1_000,
      now: 1_795_363_200_500,
      notice: null,
      support: false,
      response: null,
      quiet: null,
    },
    history: {
      t: [1_795_363_198_000, 1_795_363_199_000, 1_795_363_200_000],
      down: [14_780_000, 14_790_000, 0],
      up: [620_000, 0, 1_000],
    },
    averages: null,
  });
});

test("a plan that other lines share", () => {
  const shared = frame("snapshot-shared");
  assert.deepEqual(shared.type === "snapshot" && shared.identity.plan, { down: 50_000_000, up: 10_000_000, shared: true });
});

test("a snapshot of a line that nobody knows", () => {
  const bare = frame("snapshot-bare");
  assert.ok(bare.type === "snapshot");
  assert.equal(bare.identity.username, "caf%E9 50%25");
  assert.equal(bare.identity.display, "café 50%");
  assert.equal(bare.identity.customer, null);
  assert.deepEqual(bare.identity.plan, { down: null, up: null });
  assert.equal(bare.status.state, "unknown");
});

test("samples, states and errors", () => {
  assert.deepEqual(frame("sample"), { type: "sample", columns: { t: [1_795_363_201_000], down: [14_780_000], up: [620_000] } });
  const samples = frame("samples");
  assert.deepEqual(samples.type === "samples" && samples.columns.down, [14_780_000, 1]);
  const busy = frame("state-busy");
  assert.equal(busy.type === "state" && busy.status.interval, 5_000);
  const unreachable = frame("state-unreachable");
  assert.equal(unreachable.type === "state" && unreachable.status.since, null);
  assert.deepEqual(frame("error-link-expired"), { type: "error", code: 4103, reason: "link_expired" });
});

test("averages, with their gaps", () => {
  const snapshot = frame("snapshot-averages");
  assert.deepEqual(snapshot.type === "snapshot" && snapshot.averages, {
    interval: 30_000,
    start: 1_795_363_070_000,
    down: [14_778_368, null, 0, 48_013_312],
    up: [619_520, null, 1_000, 0],
  });
  const newer = frame("averages");
  assert.deepEqual(newer.type === "averages" && newer.averages.down, [14_778_368]);
  const state = frame("state-averages");
  assert.equal(state.type === "state" && state.status.notice, "averages");
});

test("a notice is read where there is one", () => {
  const text = golden("viewer/state-busy.json").replace(/}$/, ',"notice":"too_many_watched"}');
  const parsed = parseFrame(text);
  assert.ok(parsed.kind === "frame" && parsed.frame.type === "state");
  assert.equal(parsed.frame.status.notice, "too_many_watched");
});

test("a limit of zero is none", () => {
  const parsed = parseFrame(golden("viewer/snapshot-running.json").replace('"down":50000000', '"down":0'));
  assert.ok(parsed.kind === "frame" && parsed.frame.type === "snapshot");
  assert.equal(parsed.frame.identity.plan.down, null);
});

test("a later relay's types and fields are ignored", () => {
  assert.deepEqual(parseFrame('{"type":"devices","list":[]}'), { kind: "ignored" });
  const parsed = parseFrame('{"type":"sample","t":1,"down":2,"up":3,"jitter":4}');
  assert.deepEqual(parsed, { kind: "frame", frame: { type: "sample", columns: { t: [1], down: [2], up: [3] } } });
  const state = parseFrame(golden("viewer/state-busy.json").replace(/}$/, ',"response":"moon"}'));
  assert.ok(state.kind === "frame" && state.frame.type === "state" && state.frame.status.response === null);
});

test("responses: measured, lost, and not measured", () => {
  const read = (text: string): Frame => {
    const parsed = parseFrame(text);
    if (parsed.kind !== "frame") throw new Error(JSON.stringify(parsed));
    return parsed.frame;
  };
  const rtt = (text: string): unknown => {
    const frame = read(text);
    return frame.type === "sample" || frame.type === "samples" ? frame.columns.rtt : frame;
  };
  assert.deepEqual(rtt('{"type":"sample","t":1,"down":2,"up":3,"rtt":12345,"drops":3}'), [12_345]);
  assert.deepEqual(rtt('{"type":"sample","t":1,"down":2,"up":3,"rtt":null}'), [null]);
  assert.equal(rtt('{"type":"sample","t":1,"down":2,"up":3}'), undefined);
  assert.deepEqual(rtt('{"type":"samples","t":[1,2,3],"down":[2,2,2],"up":[3,3,3],"rtt":[9,null,0]}'), [9, null, 0]);
  assert.deepEqual(read('{"type":"self","rtt":8300}'), { type: "self", rtt: 8_300 });
  const status = read(golden("viewer/state-busy.json").replace(/}$/, ',"response":"router","quiet":11800}'));
  assert.deepEqual(status.type === "state" && [status.status.response, status.status.quiet], ["router", 11_800]);
});

const MALFORMED: Record<string, string> = {
  "no JSON": "{",
  "no object": "[]",
  null: "null",
  "no type": "{}",
  "type is no text": '{"type":1}',
  "rate missing": '{"type":"sample","t":1,"down":2}',
  "rate is text": '{"type":"sample","t":1,"down":"2","up":3}',
  "rate below zero": '{"type":"sample","t":1,"down":-1,"up":3}',
  "rate is null": '{"type":"sample","t":1,"down":null,"up":3}',
  "rate beyond numbers": '{"type":"sample","t":1,"down":1e999,"up":3}',
  "columns of different length": '{"type":"samples","t":[1,2],"down":[1],"up":[1,2]}',
  "responses of different length": '{"type":"samples","t":[1,2],"down":[1,1],"up":[1,1],"rtt":[9]}',
  "a response that is text": '{"type":"sample","t":1,"down":2,"up":3,"rtt":"9"}',
  "a response below zero": '{"type":"self","rtt":-1}',
  "times that stand still": '{"type":"samples","t":[2,2],"down":[1,1],"up":[1,1]}',
  "averages of different length": '{"type":"averages","interval":30000,"start":1,"down":[1],"up":[]}',
  "averages of no length": '{"type":"averages","interval":0,"start":1,"down":[1],"up":[1]}',
  "averages without a start": '{"type":"averages","interval":30000,"down":[1],"up":[1]}',
  "an average that is text": '{"type":"averages","interval":30000,"start":1,"down":["1"],"up":[1]}',
  "a state that is none": golden("viewer/state-busy.json").replace('"running"', '"dancing"'),
  "an interval of zero": golden("viewer/state-busy.json").replace('"interval":5000', '"interval":0'),
  "no since": golden("viewer/state-busy.json").replace(/"since":\d+,/, ""),
  "no plan": golden("viewer/snapshot-running.json").replace(/"plan":\{[^}]*\}/, '"plan":null'),
  "no history": golden("viewer/snapshot-running.json").replace('"history"', '"story"'),
  "a code that is none": '{"type":"error","code":1.5,"reason":""}',
  "a frame without end": `"${"x".repeat(1 << 20)}"`,
};

for (const [what, text] of Object.entries(MALFORMED)) {
  test(`refused: ${what}`, () => assert.equal(parseFrame(text).kind, "malformed"));
}

test("no prefix of a frame throws or passes", () => {
  const text = golden("viewer/snapshot-running.json");
  for (let length = 0; length < text.length; length += 1) {
    assert.equal(parseFrame(text.slice(0, length)).kind, "malformed");
  }
});

test("the first frame", () => {
  assert.equal(watchFrame({ kind: "token", token: "a.b.c" }), '{"type":"watch","token":"a.b.c"}');
  assert.equal(watchFrame({ kind: "username", username: 'a"b' }), '{"type":"watch","username":"a\\"b"}');
});

test("the relay says when the provider's staff look too", () => {
  for (const [name, support] of [["snapshot-support", true], ["snapshot-running", false], ["state-support", true], ["state-busy", false]] as const) {
    const read = frame(name);
    assert.ok(read.type === "snapshot" || read.type === "state");
    assert.equal(read.status.support, support, name);
  }
});
