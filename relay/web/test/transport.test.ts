// Server-sent events from pieces, and what an HTTP refusal stands for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf, EventReader } from "../src/live/transport.ts";
import { golden } from "./golden.ts";

function read(...pieces: string[]): string[] {
  const events: string[] = [];
  const reader = new EventReader((data) => events.push(data));
  for (const piece of pieces) reader.feed(piece);
  return events;
}

test("events, cut anywhere", () => {
  const text = ': hello\n\ndata: {"a":1}\n\nevent: x\nid: 3\ndata:two\r\ndata: lines\r\n\r\n:\n\n';
  assert.deepEqual(read(text), ['{"a":1}', "two\nlines"]);
  assert.deepEqual(read(...text), ['{"a":1}', "two\nlines"]);
});

test("an event without its end is none", () => {
  assert.deepEqual(read("data: {", "}"), []);
});

test("an event without bound is refused", () => {
  assert.throws(() => read("data: ", ..."x".repeat(64).split("").map((x) => x.repeat(1 << 15))), /too long/);
  const lines = Array.from({ length: 64 }, () => `data: ${"x".repeat(1 << 15)}\n`);
  assert.throws(() => read(...lines), /too long/);
});

test("a refusal's code is its body's, or else its status's", () => {
  assert.equal(codeOf(403, golden("viewer/error-link-expired.json")), 4103);
  assert.equal(codeOf(401, ""), 4102);
  assert.equal(codeOf(403, "no"), 4102);
  assert.equal(codeOf(503, ""), 4105);
  assert.equal(codeOf(429, ""), 4108);
  assert.equal(codeOf(502, "<html>"), 1006);
});
