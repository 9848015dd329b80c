// A subscriber's use of the charts: reads a second, zooms, copies a line for support, prints.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { eventually, NUMBER, sees } from "./chromium.ts";
import { history, running, snapshot } from "./fake-relay.ts";
import { columns } from "./heights.ts";
import { openLine } from "./relay-and-pages.ts";

const READ = /^\d\d:\d\d:\d\d ↓ [\d.]+ Mbps ↑ [\d.]+ Mbps$/;

/** Whether both charts have their cursor at one place. */
function cursors(page: Page): Promise<string[]> {
  return page.locator(".cursor").evaluateAll((paths) => paths.map((path) => (path.getAttribute("d") ?? "").split("V")[0] ?? ""));
}

test("a mouse reads a second in both charts, and takes its reading along", async () => {
  const page = await openLine(running);
  await sees(page, NUMBER, "14.8");
  const plot = page.locator(".panel[data-direction=down] .plot");
  await plot.hover();
  await sees(page, "#reading", READ);
  const [down, up] = await cursors(page);
  assert.ok(down !== "" && down === up, `${down} and ${up}`);
  await page.locator("#title").hover();
  await sees(page, "#reading", /Touch or point/);
});

test("keys read one second after the other, and a slider tells a screen reader", async () => {
  const page = await openLine(running);
  await sees(page, NUMBER, "14.8");
  const strip = page.getByRole("slider", { name: "Time in the charts" });
  await strip.press("End");
  await sees(page, "#reading", READ);
  const at = async (): Promise<number> => Number(await strip.getAttribute("aria-valuenow"));
  const last = await at();
  await strip.press("ArrowLeft");
  assert.equal(await at(), last - 1);
  assert.match((await strip.getAttribute("aria-valuetext")) ?? "", /^\d\d:\d\d:\d\d: download [\d.]+.of.50.Mbps, upload [\d.]+.of.10.Mbps$/);
  await strip.press("Escape");
  await sees(page, "#reading", /Touch or point/);
});

test("a line for support is copied, or shown to be copied by hand", async () => {
  const page = await openLine(running);
  await sees(page, NUMBER, "14.8");
  await page.evaluate(() => {
    Object.defineProperty(navigator, "clipboard", {
      configurable: true,
      value: { writeText: async (text: string) => void Object.assign(window, { copied: text }) },
    });
  });
  await page.locator("#reading").press("End");
  await page.getByRole("button", { name: "Copy for support" }).click();
  await sees(page, "#copy", "Copied");
  const copied = await page.evaluate(() => (window as unknown as { copied: string }).copied);
  assert.match(copied, /^4446@karoo\.example, \d\d:\d\d:\d\d: 14\.8 of 50 Mbps down, 0\.62 of 10 Mbps up\. .*\.( \(|$)/);
  await page.evaluate(() => Object.defineProperty(navigator, "clipboard", { configurable: true, value: undefined }));
  await eventually("the button again", async () => (await page.textContent("#copy")) === "Copy for support");
  await page.getByRole("button", { name: "Copy for support" }).click();
  assert.match(await page.locator("#copy-text").inputValue(), /^4446@karoo\.example, /);
});

test("the axis runs to the plan until the reader zooms in", async () => {
  const page = await openLine(running);
  await sees(page, NUMBER, "14.8");
  const labels = (): Promise<string[]> => page.locator(".panel[data-direction=up] .grid text:not(.plan-name)").allTextContents();
  assert.deepEqual(await labels(), ["0", "5", "10"]);
  await page.getByRole("button", { name: "Zoom in" }).click();
  assert.ok(Math.max(...(await labels()).map(Number)) < 5);
});

test("bursts of 5.7 on average are no solid block in 15 min and 2 h", async () => {
  const rates = (age: number) => (age % 14 < 4 ? { down: 20e6, up: 1e6 } : { down: 0, up: 0 });
  const plan = { down: 20_000_000, up: 5_000_000 };
  const page = await openLine((viewer) => viewer.send(snapshot({ plan, history: history(900, Date.now(), rates) })));
  await sees(page, "#title", /In bursts your line is full/);
  for (const window of ["15 min", "2 h"]) {
    await page.getByRole("button", { name: window, exact: true }).click();
    const drawn = (await columns(page, "down")).filter(({ line }) => line.length > 0);
    // The first and the last column are not whole yet.
    const read = drawn.slice(drawn.length * 0.15, drawn.length * 0.8);
    assert.ok(read.length > 20, window);
    // The line itself, not the pale band, stays about the mean.
    assert.ok(read.every(({ line }) => Math.max(...line) < 0.6), window);
  }
});

test("charts and windows without figures say so", async () => {
  const page = await openLine((viewer) => viewer.send(snapshot()));
  await sees(page, ".panel[data-direction=down] .empty", "No figures yet");
});

test("the charts are named with their unit", async () => {
  const page = await openLine(running);
  await sees(page, NUMBER, "14.8");
  assert.equal(await page.getByRole("img", { name: "Download, Mbps" }).count(), 1);
  assert.equal(await page.getByRole("img", { name: "Upload, Mbps" }).count(), 1);
});

test("a printed page is one sheet, and its address has no token", async () => {
  const page = await openLine(running);
  await sees(page, NUMBER, "14.8");
  const pdf = (await page.pdf({ format: "A4", printBackground: true })).toString("latin1");
  assert.equal([...pdf.matchAll(/\/Type \/Page\b/g)].length, 1);
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  assert.equal(await page.evaluate(() => location.hash), "");
  assert.match((await page.textContent("#printed")) ?? "", /^Protea Motors · \d+ \w+ \d{4}, \d\d:\d\d$/);
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  assert.equal(await page.evaluate(() => location.hash), "#token");
});

test("forced colours keep the bars and the chosen window", async () => {
  const page = await openLine(running);
  await page.emulateMedia({ forcedColors: "active" });
  await sees(page, NUMBER, "14.8");
  const seen = await page.evaluate(() => {
    const of = (selector: string): string => getComputedStyle(document.querySelector(selector) as Element).backgroundColor;
    return { bar: of(".bar b") !== of(".bar"), window: of(".window [aria-pressed=true]") !== of(".window [aria-pressed=false]") };
  });
  assert.deepEqual(seen, { bar: true, window: true });
});

test("text follows the browser's font size", async () => {
  const page = await openLine(running, { width: 390 });
  await sees(page, NUMBER, "14.8");
  const size = (): Promise<number> => page.locator("#detail").evaluate((element) => parseFloat(getComputedStyle(element).fontSize));
  const before = await size();
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setFontSizes", { fontSizes: { standard: 32 } });
  await eventually("larger text", async () => (await size()) > before * 1.8);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
});

