// What the specs of the page by itself share: Chromium for all of a spec's tests, and for each a scripted relay and pages that
// are closed after it. To import it is to have it.

import { after, afterEach, before, beforeEach } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, newPage, type Opened, type View } from "./chromium.ts";
import { type Answer, FakeRelay } from "./fake-relay.ts";

let browser: Browser;
let pages: Opened[] = [];

/** The relay of the present test. */
export let relay: FakeRelay;

/** Opens an empty page for the present test. */
export async function openPage(view: View = {}): Promise<Opened> {
  const page = await newPage(browser, view);
  pages.push(page);
  return page;
}

/** Opens a line's page whose relay answers so. */
export async function openLine(answer: Answer, view: View = {}): Promise<Page> {
  relay.answer = answer;
  const { page } = await openPage(view);
  await page.goto(`${relay.origin}/#token`);
  return page;
}

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  relay = await FakeRelay.start();
});
afterEach(async () => {
  await Promise.all(pages.map((page) => page.close()));
  pages = [];
  await relay.stop();
});
