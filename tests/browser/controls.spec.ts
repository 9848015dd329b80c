// The page's buttons: reached and pressed by key, large enough for a finger, and remembered.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, figures, NUMBER, sees } from "./chromium.ts";
import { EXACT, running, sample } from "./fake-relay.ts";
import { openLine, relay } from "./relay-and-pages.ts";

test("units and window are chosen by key, and kept", async () => {
  const page = await openLine(running);
  await sees(page, NUMBER, "14.8");
  const stops: string[] = [];
  for (let i = 0; i < 14; i += 1) {
    await page.keyboard.press("Tab");
    stops.push(await page.evaluate(() => document.activeElement?.textContent ?? ""));
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle), "none");
  }
  assert.deepEqual(stops, ["Why do we say that?", "It is slow now", "1 min", "5 min", "15 min", "2 h", "24 h", "7 days", "Touch or point at a chart to read any second.", "Zoom in", "Copy for support", "Figures as a table", "Refresh", "Show in MB/s"]);
  await page.keyboard.press("Enter");
  await sees(page, "#units", "Show in Mbps");
  relay.send(sample(Date.now(), EXACT));
  await eventually("bytes", async () => (await figures(page)).down === "1.85 MB/s");
  assert.equal((await figures(page)).up, "0.08 MB/s");
  await page.getByRole("button", { name: "15 min" }).press("Enter");
  await page.reload();
  await eventually("kept", async () => (await figures(page)).down === "1.85 MB/s");
  assert.equal(await page.getByRole("button", { name: "15 min" }).getAttribute("aria-pressed"), "true");
});

test("whatever can be touched is 44 px high", async () => {
  const page = await openLine(running, { width: 360 });
  await sees(page, NUMBER, "14.8");
  for (const target of await page.locator("button:visible, summary:visible").all()) {
    const box = await target.boundingBox();
    assert.ok((box?.height ?? 0) >= 44 && (box?.width ?? 0) >= 44, await target.innerText());
  }
});
