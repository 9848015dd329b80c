// Why it is slow: responses beside the rates, the sentence that follows from both, and the figures behind it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { sees, violations } from "./chromium.ts";
import { type Frame, history, snapshot } from "./fake-relay.ts";
import { openPage, relay } from "./relay-and-pages.ts";

const PLAN = { down: 20_000_000, up: 5_000_000 };

/** A minute of a line: rates, and responses by age in microseconds; null is a lost probe. */
function minute(down: number, rtt: (age: number) => number | null, more: Frame = {}): Frame {
  const now = Date.now();
  const columns = history(60, now, () => ({ down, up: 400_000 })) as { t: number[] };
  const responses = columns.t.map((_, i) => rtt(59 - i));
  return snapshot({ now, plan: PLAN, history: { ...columns, rtt: responses }, response: "router", quiet: 12_000, ...more });
}

async function open(first: Frame): Promise<Page> {
  relay.answer = (viewer) => viewer.send(first);
  const { page } = await openPage();
  await page.goto(`${relay.origin}/#token`);
  return page;
}

const plain = async (page: Page, selector: string): Promise<string> => ((await page.locator(selector).textContent()) ?? "").replace(/\u00a0/g, " ");

test("a line that answers slowly is told from a full one, and from this device", async () => {
  const page = await open(minute(600_000, () => 310_000));
  await sees(page, "#title", "Your line is not full, but answers slowly.");
  await sees(page, "#pill-text", "Slow");
  await sees(page, "#response", "310");
  await sees(page, "#response-place", "To your router and back");
  await sees(page, "#response-manner", "Slow, no loss");
  relay.send(minute(18_900_000, () => 310_000));
  await sees(page, "#title", "Your line is full, and answers slowly.");
  relay.send(minute(600_000, () => 12_400));
  await sees(page, "#title", "Your line has room to spare.");
  relay.send({ type: "self", rtt: 210_000 });
  await sees(page, "#title", "Your line is well, but this device is slow.");
  relay.send({ type: "self", rtt: 19_000 });
  await sees(page, "#title", "Your line and this device are well.");
  assert.deepEqual(await violations(page), []);
});

test("lost probes are marked, counted and told", async () => {
  const page = await open(minute(600_000, (age) => (age % 10 === 3 ? null : 12_400)));
  await sees(page, "#title", "Your line is not full, but loses packets.");
  assert.equal(await plain(page, "#lost"), "6 of 60");
  const marks = await page.locator(".panel[data-direction=time] .lost").getAttribute("d");
  assert.equal(marks?.match(/M/g)?.length, 6);
  await page.locator(".reading").focus();
  await page.keyboard.press("End");
  await sees(page, ".reading", /, response 12\sms$/);
  for (let i = 0; i < 3; i += 1) await page.keyboard.press("ArrowLeft");
  await sees(page, ".reading", /, probe lost$/);
});

test("why do we say that: each figure beside what it is judged by", async () => {
  const page = await open(minute(18_900_000, () => 340_000));
  await page.getByText("Why do we say that?").click();
  await sees(page, "#reasons div:nth-child(5) dd", /^Not measured\.$/);
  relay.send({ type: "self", rtt: 352_000 });
  await sees(page, "#reasons div:nth-child(5) dd", /^352\sms to us and back\. Slow from 440\sms on\.$/);
  const rows = await page.locator("#reasons div").allTextContents();
  assert.deepEqual(rows.slice(0, 4).map((row) => row.replace(/\u00a0/g, " ")), [
    "Download18.9 of 20 Mbps on average in the last 40 seconds. Full for 40 s: at 90 % of the plan or more.",
    "Upload0.40 of 5 Mbps on average in the last 40 seconds.",
    "Response340 ms now; 12 ms while little is in use. Slow from 62 ms on.",
    "Lost probes0 of 40",
  ]);
  assert.deepEqual(await violations(page), []);
});

test("where nobody measures, or the router answers no probe, nothing stands in its place", async () => {
  const page = await open(snapshot({ plan: PLAN, history: history(60, Date.now(), () => ({ down: 6e5, up: 4e5 })) }));
  await sees(page, "#title", "Your line has room to spare.");
  assert.equal(await page.locator(".probed:visible").count(), 0);
  relay.send(minute(600_000, () => 0, { response: "silent" }));
  await sees(page, "#note", /Your router answers no probes, so its response is not known\./);
  assert.equal(await page.locator(".probed:visible").count(), 0);
  relay.send(minute(600_000, () => 12_400, { response: "provider" }));
  await sees(page, "#response-place", "To your provider and back");
});
