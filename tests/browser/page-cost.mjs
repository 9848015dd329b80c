// What the page costs a reader, in Chromium: bytes, time to the first figure, script time, memory after an hour. For tests/bench:
// prints one JSON object. Usage: node page-cost.mjs URL, a page of a relay whose line has samples.

import { chromium } from "playwright-core";

const [url] = process.argv.slice(2);
const NUMBER = ".readout[data-direction=down] .number";
const browser = await chromium.launch({
  executablePath: process.env.LINELIGHT_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});

async function opened() {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  return { context, page, session: await context.newCDPSession(page) };
}

/** Milliseconds from opening the page to a figure in it, on a link of so many kilobits a second and milliseconds of delay. */
async function firstFigure(kilobits, latency) {
  const { context, page, session } = await opened();
  let bytes = 0;
  await session.send("Network.enable");
  session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  if (kilobits > 0) {
    const throughput = (kilobits * 1_000) / 8;
    const link = { offline: false, latency, downloadThroughput: throughput, uploadThroughput: throughput };
    await session.send("Network.emulateNetworkConditions", link);
  }
  const began = performance.now();
  await page.goto(url);
  await page.waitForFunction((number) => /\d/.test(document.querySelector(number)?.textContent ?? ""), NUMBER);
  const took = performance.now() - began;
  await context.close();
  return { took, bytes };
}

/** Milliseconds of script and of the whole main thread in a minute with the chart running, from 15 s of it. */
async function runningMinute() {
  const { context, page, session } = await opened();
  await page.goto(url);
  await page.waitForFunction((number) => /\d/.test(document.querySelector(number)?.textContent ?? ""), NUMBER);
  await session.send("Performance.enable");
  const read = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    const of = (name) => metrics.find((metric) => metric.name === name).value * 1_000;
    return [of("ScriptDuration"), of("TaskDuration")];
  };
  await page.waitForTimeout(2_000);
  const before = await read();
  await page.waitForTimeout(15_000);
  const after = await read();
  await context.close();
  return after.map((value, nth) => (value - before[nth]) * 4);
}

/** Bytes of the page's heap after six minutes and after an hour of a sample each second, by a clock that jumps. */
async function hour() {
  const { context, page, session } = await opened();
  let send;
  await page.routeWebSocket(/live/, (socket) => {
    send = (frame) => socket.send(JSON.stringify(frame));
    socket.onMessage(() => send(snapshot(start)));
  });
  const start = Date.now();
  await page.clock.install({ time: start });
  await page.goto(url);
  for (let waited = 0; send === undefined && waited < 500; waited += 1) await page.clock.runFor(20);
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
  };
  let [early, second] = [0, 1];
  for (; second <= 3_600; second += 1) {
    send({ type: "sample", t: start + second * 1_000, down: 14_780_000 + second * 1_000, up: 620_000 + second });
    await page.clock.fastForward(1_000);
    if (second === 360) early = await heap();
  }
  const late = await heap();
  await context.close();
  return [early, late];
}

function snapshot(now) {
  return {
    type: "snapshot", username: "line-00000", display: "line-00000", customer: null, package: "home-20", brand: null,
    plan: { down: 20_000_000, up: 5_000_000 }, state: "running", since: now - 60_000, sessions: 1, interval: 1000,
    expires: null, now, history: { t: [], down: [], up: [] },
  };
}

const near = await firstFigure(0, 0);
// Chromium's own preset of slow 3G.
const slow = await firstFigure(400, 2_000);
const [script, task] = await runningMinute();
const [early, late] = await hour();
await browser.close();
console.log(JSON.stringify({ transfer: near.bytes, first: near.took, slow: slow.took, script, task, early, late }));
