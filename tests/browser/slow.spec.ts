// "It is slow now": a report is sent, answered and closed, and every refusal has its sentence.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { eventually, NUMBER, sees, violations } from "./chromium.ts";
import { running } from "./fake-relay.ts";
import { openPage, relay } from "./relay-and-pages.ts";

const TOLD = "#slow-told";

async function openByName(): Promise<Page> {
  relay.answer = running;
  const { page } = await openPage({ width: 390 });
  await page.goto(`${relay.origin}/line/ali`);
  await sees(page, NUMBER, "14.8");
  return page;
}

async function send(page: Page, words: string): Promise<void> {
  await page.getByText("It is slow now").click();
  await page.getByLabel("What is slow?").fill(words);
  await page.getByRole("button", { name: "Tell my provider" }).click();
}

const told = (page: Page): Promise<string> => page.locator(TOLD).innerText();

test("a report is sent once, and its answer comes to the page", async () => {
  const page = await openByName();
  await send(page, "Films stop.");
  await eventually("sent", async () => (await told(page)).includes("Your provider has it."));
  assert.match(await told(page), /^Report 17, of \d/);
  assert.deepEqual(relay.reported, ["Films stop."]);
  assert.equal(await page.getByRole("button", { name: "Tell my provider" }).isVisible(), false);
  assert.deepEqual(await violations(page), []);
  relay.report = { ...relay.report, answer: "<b>A mast</b> has no power." };
  await page.reload();
  await eventually("answered", async () => (await told(page)).endsWith("Your provider says: <b>A mast</b> has no power."));
  assert.equal(await page.locator(`${TOLD} b`).count(), 0, "an answer is text");
});

test("behind a closed report there can be another", async () => {
  relay.report = { number: 16, made: Date.now() - 60_000, answer: null, closed: Date.now() };
  const page = await openByName();
  await eventually("closed", async () => (await told(page)).endsWith("Your provider has closed it."));
  assert.equal(await page.getByRole("button", { name: "Tell my provider" }).isVisible(), true);
});

test("each refusal has its sentence, and the words stay", async () => {
  const page = await openByName();
  for (const [status, reason, sentence] of [
    [429, "line", "This line has had three reports today."],
    [429, "relay", "Many lines are reported right now."],
    [503, "store", "This was not sent."],
  ] as const) {
    relay.refusesReports = { status, reason };
    if (reason === "line") await send(page, "Games lag.");
    else await page.getByRole("button", { name: "Tell my provider" }).click();
    await eventually(reason, async () => (await told(page)).startsWith(sentence));
    assert.equal(await page.getByLabel("What is slow?").inputValue(), "Games lag.");
  }
});
