// The page's close codes against the table that every side reads, and the waits that follow from them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { waitBefore } from "../src/live/backoff.ts";
import { type Retry, retryAfter } from "../src/live/close.ts";
import { golden } from "./golden.ts";

test("every code that a viewer can meet is answered as the table says", () => {
  const table = JSON.parse(golden("close.json")) as { code: number; retry: Retry }[];
  const viewers = table.filter(({ code }) => code < 4000 || code >= 4100);
  assert.ok(viewers.length >= 10);
  for (const { code, retry } of viewers) assert.equal(retryAfter(code), retry, String(code));
});

test("a code of nobody's is the network's", () => {
  assert.equal(retryAfter(1006), "back_off");
  assert.equal(retryAfter(4999), "back_off");
});

test("the back-off waits as long as it has waited, up to half a minute, with full jitter", () => {
  const longest = [0, 500, 1_000, 3_000, 29_000, 3_600_000].map((waited) => waitBefore("back_off", waited, 1));
  assert.deepEqual(longest, [1_000, 1_000, 1_000, 3_000, 29_000, 30_000]);
  assert.equal(waitBefore("back_off", 60_000, 0), 0);
  assert.equal(waitBefore("back_off", 60_000, 0.5), 15_000);
});

test("a wait that was asked for is never shortened", () => {
  assert.equal(waitBefore(30, 60_000, 0), 30_000);
  assert.equal(waitBefore(30, 0, 1), 45_000);
  assert.equal(waitBefore("never", 0, 0.5), null);
});
