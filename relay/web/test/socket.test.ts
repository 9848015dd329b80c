// The connection through everything that happens to one, in a world without a network.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CONNECT_TIMEOUT, HIDDEN_FOR, SILENCE } from "../src/live/socket.ts";
import { FakeWorld, SAMPLE, SNAPSHOT } from "./fake-world.ts";

function opened(): FakeWorld {
  const world = new FakeWorld();
  world.attempt.answer(SNAPSHOT);
  return world;
}

/** The relay does not answer, until the next attempt was made. */
function fails(world: FakeWorld): void {
  const before = world.attempts.length;
  world.attempt.heard.closed(1006);
  while (world.attempts.length === before) world.pass(100);
}

const error = (code: number): string => JSON.stringify({ type: "error", code, reason: "some" });

test("it connects, opens with the snapshot, and hands frames on", () => {
  const world = new FakeWorld();
  assert.deepEqual(world.link, { kind: "connecting", after: null });
  world.attempt.heard.opened();
  assert.equal(world.link?.kind, "connecting", "an open socket is no answer");
  world.attempt.heard.text(SNAPSHOT);
  assert.equal(world.link?.kind, "open");
  world.attempt.heard.text('{"type":"later"}');
  world.attempt.heard.text(SAMPLE);
  assert.deepEqual(world.frames.map((frame) => frame.type), ["snapshot", "sample"]);
});

test("a relay that drops the connection is asked again, with jitter and ever more patience", () => {
  const world = opened();
  world.attempt.heard.closed(1001);
  assert.deepEqual(world.link, { kind: "lost", code: 1001, retryAt: world.wall() + 500 });
  world.pass(499);
  assert.equal(world.attempts.length, 1);
  world.pass(1);
  assert.equal(world.attempts.length, 2);
  assert.deepEqual(world.link, { kind: "connecting", after: { kind: "lost", code: 1001, retryAt: world.wall() } });
  // 500 ms, 500, 500, then half of the 1,500 that were waited.
  for (const wait of [500, 500, 750]) {
    const before: number = world.attempts.length;
    world.attempt.heard.closed(1006);
    world.pass(wait - 1);
    assert.equal(world.attempts.length, before);
    world.pass(1);
    assert.equal(world.attempts.length, before + 1);
  }
});

test("a relay that answers and drops again and again is not hammered", () => {
  const world = new FakeWorld();
  world.nextChance = 0.999;
  for (let i = 0; i < 6; i += 1) {
    world.attempt.answer(SNAPSHOT);
    world.attempt.heard.closed(1006);
    world.pass(30_000);
  }
  const before = world.attempts.length;
  world.attempt.heard.closed(1006);
  world.pass(29_000);
  assert.equal(world.attempts.length, before);
});

test("a connection that lasted starts the patience anew", () => {
  const world = new FakeWorld();
  for (let i = 0; i < 12; i += 1) {
    const failed = world.attempts.length;
    world.attempt.heard.closed(1006);
    while (world.attempts.length === failed) world.pass(100);
  }
  world.attempt.answer(SNAPSHOT);
  world.pass(10_000);
  world.attempt.heard.closed(1006);
  const before = world.attempts.length;
  world.pass(500);
  assert.equal(world.attempts.length, before + 1);
});

test("the relay's no is final, until the reader asks", () => {
  for (const code of [4101, 4102, 4103, 4106]) {
    const world = new FakeWorld();
    world.attempt.answer(error(code));
    world.attempt.heard.closed(code);
    assert.deepEqual(world.link, { kind: "ended", code });
    world.pass(86_400_000);
    world.socket.online();
    world.socket.hidden();
    world.pass(HIDDEN_FOR);
    world.socket.shown();
    assert.equal(world.attempts.length, 1);
    assert.deepEqual(world.link, { kind: "ended", code });
    world.socket.refresh();
    assert.equal(world.attempts.length, 2);
  }
});

test("the error frame's code counts where a proxy lost the close frame's", () => {
  const world = new FakeWorld();
  world.attempt.answer(error(4103));
  world.attempt.heard.closed(1006);
  assert.deepEqual(world.link, { kind: "ended", code: 4103 });
});

test("a full line is asked again in half a minute, not before", () => {
  const world = new FakeWorld();
  world.nextChance = 0;
  world.attempt.answer(error(4104));
  world.attempt.heard.closed(4104);
  assert.deepEqual(world.link, { kind: "lost", code: 4104, retryAt: world.wall() + 30_000 });
  world.pass(29_999);
  assert.equal(world.attempts.length, 1);
  world.pass(1);
  assert.equal(world.attempts.length, 2);
});

test("a malformed frame ends it: the page is older than the relay", () => {
  const world = opened();
  world.attempt.heard.text('{"type":"sample"}');
  assert.deepEqual(world.link, { kind: "ended", code: 4101 });
  assert.ok(world.attempt.closedByPage);
});

test("silence is a dead connection, and any text is a live one", () => {
  const world = opened();
  world.pass(SILENCE - 1);
  world.attempt.heard.text('{"type":"later"}');
  world.pass(SILENCE - 1);
  assert.equal(world.link?.kind, "open");
  world.pass(1);
  assert.equal(world.link?.kind, "lost");
  assert.ok(world.attempts[0]?.closedByPage);
});

test("an attempt that is never answered is given up", () => {
  const world = new FakeWorld();
  world.attempt.heard.opened();
  world.pass(CONNECT_TIMEOUT);
  assert.equal(world.link?.kind, "lost");
  assert.ok(world.attempts[0]?.closedByPage);
});

test("what an old attempt says is not heard", () => {
  const world = opened();
  const old = world.attempt;
  world.pass(1_000);
  world.socket.refresh();
  assert.ok(old.closedByPage);
  old.heard.text(SAMPLE);
  old.heard.closed(4103);
  assert.equal(world.frames.length, 1);
  assert.equal(world.link?.kind, "connecting");
});

test("refresh connects anew, but not twice in a second", () => {
  const world = opened();
  world.pass(5_000);
  world.socket.refresh();
  world.socket.refresh();
  assert.equal(world.attempts.length, 2);
  assert.deepEqual(world.link, { kind: "connecting", after: null });
});

test("a page that nobody sees lets go after a minute and comes back when seen", () => {
  const world = opened();
  world.socket.hidden();
  for (let second = 0; second < 59; second += 1) {
    world.pass(1_000);
    world.attempt.heard.text(SAMPLE);
  }
  assert.equal(world.link?.kind, "open");
  world.pass(1_000);
  assert.equal(world.link?.kind, "paused");
  assert.ok(world.attempt.closedByPage);
  world.pass(3_600_000);
  assert.equal(world.attempts.length, 1);
  world.socket.shown();
  assert.equal(world.attempts.length, 2);
  assert.deepEqual(world.link, { kind: "connecting", after: null });
});

test("a page that is seen again within a minute keeps its connection", () => {
  const world = opened();
  world.socket.hidden();
  world.pass(20_000);
  world.attempt.heard.text(SAMPLE);
  world.socket.shown();
  for (let second = 0; second < 60; second += 1) {
    world.pass(1_000);
    world.attempt.heard.text(SAMPLE);
  }
  assert.equal(world.link?.kind, "open");
  assert.equal(world.attempts.length, 1);
});

test("after sleep it connects at once", () => {
  const world = opened();
  world.sleep(600_000);
  world.pass(0);
  assert.equal(world.attempts.length, 2);
  assert.ok(world.attempts[0]?.closedByPage);
});

test("a page that slept unseen stays asleep", () => {
  const world = opened();
  world.socket.hidden();
  world.sleep(600_000);
  world.pass(0);
  assert.equal(world.link?.kind, "paused");
  assert.equal(world.attempts.length, 1);
});

test("a lost network is told at once, and its return is used at once", () => {
  const world = opened();
  world.nextChance = 1;
  world.socket.offline();
  assert.equal(world.link?.kind, "lost");
  assert.ok(world.attempts[0]?.closedByPage);
  world.socket.online();
  assert.equal(world.attempts.length, 2);
});

test("a network that returns while an attempt hangs is used at once", () => {
  const world = new FakeWorld();
  world.pass(5_000);
  assert.equal(world.attempts.length, 1);
  world.socket.online();
  assert.equal(world.attempts.length, 2);
  assert.ok(world.attempts[0]?.closedByPage);
  world.socket.online();
  assert.equal(world.attempts.length, 2, "one that has just begun goes on");
});

test("a page that is seen again does not wait for the back-off, but for the relay's wish", () => {
  const world = opened();
  world.nextChance = 1;
  world.socket.hidden();
  world.attempt.heard.closed(1006);
  world.socket.shown();
  assert.equal(world.attempts.length, 2);
  world.attempt.heard.closed(4104);
  world.socket.hidden();
  world.socket.shown();
  assert.equal(world.attempts.length, 2);
});

test("a browser that is wrong about its network does not keep the page from trying", () => {
  const world = opened();
  world.socket.offline();
  world.pass(1_000);
  world.attempt.answer(SNAPSHOT);
  assert.equal(world.link?.kind, "open");
});

test("where WebSockets are blocked, server-sent events take their place", () => {
  const world = new FakeWorld();
  fails(world);
  fails(world);
  assert.deepEqual(world.attempts.map(({ kind }) => kind), ["webSocket", "webSocket", "events"]);
  world.attempt.answer(SNAPSHOT);
  assert.equal(world.link?.kind, "open");
});

test("where nothing answers, both are tried by turns", () => {
  const world = new FakeWorld();
  for (let i = 0; i < 5; i += 1) {
    fails(world);
  }
  const kinds = world.attempts.map(({ kind }) => kind);
  assert.deepEqual(kinds, ["webSocket", "webSocket", "events", "webSocket", "events", "webSocket"]);
});

test("a WebSocket that opened is not blocked", () => {
  const world = new FakeWorld();
  for (let i = 0; i < 4; i += 1) {
    world.attempt.heard.opened();
    fails(world);
  }
  assert.ok(world.attempts.every(({ kind }) => kind === "webSocket"));
});

test("a token without a username has no events to fall back to", () => {
  const world = new FakeWorld({ kind: "token", token: "x" }, false);
  for (let i = 0; i < 4; i += 1) {
    fails(world);
  }
  assert.ok(world.attempts.every(({ kind }) => kind === "webSocket"));
});

test("a proxy that swallows WebSockets is found out too", () => {
  const world = new FakeWorld();
  world.pass(60_000);
  assert.equal(world.attempts[2]?.kind, "events");
});

test("stopping leaves nothing behind", () => {
  const world = opened();
  world.socket.hidden();
  world.socket.stop();
  assert.ok(world.attempt.closedByPage);
  assert.equal(world.timers, 0);
});
