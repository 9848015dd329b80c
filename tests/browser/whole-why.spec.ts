// Why it is slow, with the whole system behind: real packets over a wire, whose delay and loss the simulated router's control port
// sets. Only where the machine lets subscribers' routers answer: as root, with TUN.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, newPage, picture, sees } from "./chromium.ts";
import { startSystem, type System } from "./demo.ts";

/** Longer than a verdict looks back, in milliseconds: the first response of the quiet line needs ten. */
const FIRST = 60_000;

let browser: Browser;
let system: System;
let page: Page;

before(async () => {
  [browser, system] = await Promise.all([launch(), startSystem("concentrator")]);
  await system.router("rate alice 600000 200000");
  ({ page } = await newPage(browser, { width: 390 }));
  await page.goto(system.link("alice"));
  await sees(page, "#title", /./);
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

/** True if the line's response is measured here. */
async function isProbed(): Promise<boolean> {
  await sees(page, "#title", /^Your line (has room to spare|and this device are well)/, FIRST);
  return page.locator("#response:visible").isVisible();
}

test("the wire's delay changes the verdict within ten seconds, and back", async (context) => {
  if (!(await isProbed())) return context.skip("no subscriber's router answers probes on this machine");
  await sees(page, "#title", "Your line and this device are well.", FIRST);
  await system.router("wire 300");
  await sees(page, "#title", "Your line is not full, but answers slowly.", 10_000);
  await sees(page, "#pill-text", "Slow");
  assert.match((await page.locator("#detail").textContent()) ?? "", /^It answers in 30\d\sms instead of\s1\d\./);
  await picture(page, "whole-slow-390-light");
  await system.router("rate alice 19900000 200000");
  await sees(page, "#title", "Your line is full, and answers slowly.", FIRST);
  await system.router("rate alice 600000 200000");
  await system.router("wire 12");
  await sees(page, "#title", /^Your line (has room to spare|and this device are well)/, FIRST);
  await sees(page, "#response-manner", /^As usual/, 10_000);
});

test("the wire's loss is told, and no false loss stays", async (context) => {
  if (!(await isProbed())) return context.skip("no subscriber's router answers probes on this machine");
  await system.router("wire 12 30");
  await sees(page, "#title", "Your line is not full, but loses packets.", FIRST);
  await system.router("wire 12");
  await sees(page, "#title", "Your line and this device are well.", FIRST);
});
