// The page's cost for the reader: bytes, time to the first figure on slow links, memory after an hour.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NUMBER, sees } from "./chromium.ts";
import { EXACT, running, sample } from "./fake-relay.ts";
import { openLine, openPage, relay } from "./relay-and-pages.ts";

test("an hour of samples leaves the page's memory where it was", async () => {
  const page = await openLine(running);
  await sees(page, NUMBER, "14.8");
  const session = await page.context().newCDPSession(page);
  const used = async (): Promise<number> => {
    await session.send("HeapProfiler.collectGarbage");
    return ((await session.send("Runtime.getHeapUsage")) as { usedSize: number }).usedSize;
  };
  const feed = async (from: number, seconds: number): Promise<void> => {
    const start = Date.now();
    for (let s = from; s < from + seconds; s += 1) relay.send(sample(start + s * 1_000, { down: s * 1_000, up: s }));
    relay.send(sample(start + (from + seconds) * 1_000, EXACT));
    // An hour's samples at once take as long as the machine needs.
    await sees(page, NUMBER, "14.8", 180_000);
  };
  await feed(1, 1_000);
  const before = await used();
  await feed(2_000, 3_600);
  const grown = (await used()) - before;
  assert.ok(grown < 1_000_000, `grew by ${grown} bytes`);
});

test("weight and time to the first figure", async (context) => {
  await sees(await openLine(running), NUMBER, "14.8");
  const weight = relay.transferred;
  context.diagnostic(`transfer of the first load: ${weight} bytes gzip`);
  assert.ok(weight <= 40 * 1024);
  context.diagnostic(`first figure after ${await firstFigure(null)} ms on loopback`);
  // Chromium's own presets: kilobits a second and milliseconds of delay for each answer.
  context.diagnostic(`first figure after ${await firstFigure({ kilobits: 1_600, delay: 562 })} ms on fast 3G`);
  const slow = await firstFigure({ kilobits: 400, delay: 2_000 });
  context.diagnostic(`first figure after ${slow} ms on slow 3G`);
  assert.ok(slow < 15_000);
});

async function firstFigure(link: { kilobits: number; delay: number } | null): Promise<number> {
  const { page, context, close } = await openPage({ width: 390, height: 844 });
  if (link !== null) {
    const session = await context.newCDPSession(page);
    const throughput = (link.kilobits * 1_000) / 8;
    await session.send("Network.enable");
    await session.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: link.delay,
      downloadThroughput: throughput,
      uploadThroughput: throughput,
    });
  }
  const began = performance.now();
  await page.goto(`${relay.origin}/#token`);
  await sees(page, NUMBER, "14.8", 30_000);
  const took = Math.round(performance.now() - began);
  await close();
  return took;
}
