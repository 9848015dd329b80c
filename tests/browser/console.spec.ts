// Every screen of the console in Chromium, in both themes and on narrow and wide screens: accessible, within its width, without a
// complaint of the browser; and no name becomes anything else than text.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { type Theme, violations } from "./chromium.ts";
import { SCREENS, type ScreenCase } from "./console-screens.ts";
import { FakeConsole, HOSTILE } from "./fake-console.ts";
import { openPage, relay } from "./relay-and-pages.ts";

/** Refusals that the screens ask for: the browser writes each of them into its console. */
const REFUSED = /Failed to load resource: the server responded with a status of (401|403|404|429|503)/;

async function open(screen: ScreenCase, width: number, theme: Theme): Promise<{ page: Page; complaints: string[] }> {
  const console = new FakeConsole(relay);
  console.signedIn = screen.signedIn ?? true;
  screen.prepare?.(console);
  const { page, complaints } = await openPage({ width, theme, reducedMotion: "reduce" });
  await page.goto(relay.origin + screen.path);
  await screen.seen(page, console);
  return { page, complaints };
}

async function isWithin(page: Page, width: number): Promise<void> {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  if (wide <= width) return;
  const culprits = await page.evaluate((most) => [...document.querySelectorAll("body *")].filter((found) => found.getBoundingClientRect().right > most).map((found) => `${found.tagName}.${found.className}`).slice(0, 8), width);
  assert.fail(`${wide} px at ${width} px: ${culprits.join(", ")}`);
}

for (const [name, screen] of Object.entries(SCREENS)) {
  for (const [theme, width] of [["light", 360], ["dark", 1280]] as const) {
    test(`${name}, ${theme}, ${width} px: accessible and quiet`, async () => {
      const { page, complaints } = await open(screen, width, theme);
      assert.deepEqual(await violations(page), []);
      await isWithin(page, width);
      await page.setViewportSize({ width: 320, height: 700 });
      await isWithin(page, 320);
      assert.deepEqual(complaints.filter((text) => !REFUSED.test(text)), []);
    });
  }
}

test("names that would be HTML or another direction are text on every screen", async () => {
  const bad = visibleForm(HOSTILE.customer);
  for (const [path, selector] of [
    [`/console/lines/${encodeURIComponent(HOSTILE.username)}`, "h1"],
    ["/console/lines?q=img", ".row-name"],
    ["/console/lines/4446%40karoo.example", ".plain-list"],
    ["/console/people", ".people"],
    ["/console/audit", ".audit"],
  ] as const) {
    const console = new FakeConsole(relay);
    console.signedIn = true;
    const { page, complaints } = await openPage();
    await page.goto(relay.origin + path);
    await page.locator(selector, { hasText: bad }).first().waitFor();
    const body = await page.evaluate(() => document.body.innerText);
    assert.doesNotMatch(body, /[\u202a-\u202e\u2066-\u2069]/, "no text changes the direction of another");
    assert.equal(await page.locator("img:not(.qr)").count(), 0, path);
    assert.equal(await page.locator("script").count(), 1, path);
    assert.notEqual(await page.title(), "owned");
    assert.deepEqual(complaints, []);
  }
});

test("forced colours keep states, chosen buttons and charts to be seen", async () => {
  const { page } = await open(SCREENS["line"] as ScreenCase, 1280, "light");
  await page.emulateMedia({ forcedColors: "active" });
  const look = (selector: string, property: string): Promise<string> => page.locator(selector).first().evaluate((found, name) => getComputedStyle(found).getPropertyValue(name), property);
  assert.notEqual(await look(".segments [aria-pressed=true]", "background-color"), await look(".segments [aria-pressed=false]", "background-color"));
  assert.notEqual(await look("#pill", "border-top-width"), "0px");
  assert.notEqual(await look(".panel .line", "stroke"), await look(".card", "background-color"));
  assert.deepEqual(await violations(page), []);
});

test("what moves stands still for whoever wants less motion", async () => {
  const { page } = await open(SCREENS["routers-add"] as ScreenCase, 1280, "light");
  assert.equal(await page.locator(".turn").first().evaluate((found) => getComputedStyle(found).animationName), "none");
});

function visibleForm(text: string): string {
  return text.replace("\u202E", "[U+202E]");
}
