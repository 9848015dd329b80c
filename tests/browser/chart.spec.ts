// The two charts: what is drawn, what is left out, how they move, and the table of the same figures.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { drawn, eventually, NUMBER, sees } from "./chromium.ts";
import { type Answer, EXACT, history, type Rates, running, snapshot } from "./fake-relay.ts";
import { openLine } from "./relay-and-pages.ts";

const constant = (rates: (age: number) => Rates | null): Answer => (viewer) =>
  viewer.send(snapshot({ history: history(90, Date.now(), rates) }));

/**
 * Each column of a chart's canvas: whether a pixel of the direction's colour is in it, within the plotted area. The areas
 * are of the same hue but pale, and text is grey.
 */
function colouredColumns(page: Page, direction: "down" | "up"): Promise<boolean[]> {
  return page.evaluate((name) => {
    const canvas = document.querySelector(`.panel[data-direction=${name}] canvas`) as HTMLCanvasElement;
    const { data, width, height } = (canvas.getContext("2d") as CanvasRenderingContext2D).getImageData(0, 0, canvas.width, canvas.height);
    const style = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    const wanted = [1, 3, 5].map((at) => parseInt(style.slice(at, at + 2), 16));
    const isLine = (x: number, y: number): boolean => {
      const at = (y * width + x) * 4;
      return wanted.every((part, i) => Math.abs((data[at + i] as number) - part) < 48) && (data[at + 3] as number) > 200;
    };
    const left = Math.ceil(44 * devicePixelRatio);
    const right = Math.floor(width - 10 * devicePixelRatio);
    return Array.from({ length: right - left }, (_, i) => {
      for (let y = 0; y < height; y += 1) if (isLine(left + i, y)) return true;
      return false;
    });
  }, direction);
}

const share = (columns: boolean[]): number => columns.filter(Boolean).length / columns.length;

test("a full minute is drawn from end to end, upload dashed", async () => {
  const page = await openLine(constant(() => EXACT));
  await sees(page, NUMBER, "14.78");
  await drawn(page);
  assert.ok(share(await colouredColumns(page, "down")) > 0.95);
  const up = share(await colouredColumns(page, "up"));
  assert.ok(up > 0.4 && up < 0.95, `upload's dashes cover ${up}`);
});

test("a gap is drawn as a gap, not as a line and not as zero", async () => {
  const page = await openLine(constant((age) => (age > 20 && age < 40 ? null : EXACT)));
  await sees(page, NUMBER, "14.78");
  await drawn(page);
  const columns = await colouredColumns(page, "down");
  const width = columns.length;
  assert.ok(share(columns.slice(0, width * 0.25)) > 0.9, "before the gap");
  assert.equal(share(columns.slice(width * 0.42, width * 0.6)), 0, "the gap");
  assert.ok(share(columns.slice(width * 0.75)) > 0.9, "after the gap");
});

test("the chart scrolls between samples", async () => {
  const page = await openLine(constant((age) => (age > 20 && age < 40 ? null : EXACT)));
  await sees(page, NUMBER, "14.78");
  await drawn(page);
  const edge = async (): Promise<number> => (await colouredColumns(page, "down")).indexOf(false);
  const first = await edge();
  await eventually("the gap moved left", async () => (await edge()) < first - 3, 3_000);
});

test("with less motion it moves in steps", async () => {
  const page = await openLine(running, { reducedMotion: "reduce" });
  await sees(page, NUMBER, "14.78");
  const moves = await page.evaluate(async () => {
    const canvas = document.querySelector(".panel canvas") as HTMLCanvasElement;
    let last = canvas.toDataURL();
    let count = 0;
    const end = performance.now() + 2_000;
    while (performance.now() < end) {
      await new Promise(requestAnimationFrame);
      const next = canvas.toDataURL();
      if (next !== last) count += 1;
      last = next;
    }
    return count;
  });
  assert.ok(moves >= 1 && moves <= 3, `${moves} moves in two seconds`);
});

test("the charts take the other theme's colours at once", async () => {
  const page = await openLine(constant(() => EXACT), { theme: "light" });
  await sees(page, NUMBER, "14.78");
  await drawn(page);
  await page.emulateMedia({ colorScheme: "dark" });
  await drawn(page);
  assert.ok(share(await colouredColumns(page, "down")) > 0.95);
});

test("the table tells the figures", async () => {
  const page = await openLine(constant(() => EXACT));
  await sees(page, NUMBER, "14.78");
  await page.getByText("Figures as a table").click();
  await sees(page, "caption", "Download and upload, the last minute");
  const rows = await page.locator("tbody tr").allInnerTexts();
  assert.equal(rows.length, 16);
  assert.deepEqual(rows.slice(0, 4), [
    "Now\t14.78 Mbps\t620 kbps",
    "Peak\t14.78 Mbps\t620 kbps",
    "Average\t14.78 Mbps\t620 kbps",
    "Plan\t50 Mbps\t10 Mbps",
  ]);
  assert.match(rows[5] ?? "", /^\d\d:\d\d:\d\d to \d\d:\d\d:\d\d\t14\.78 Mbps\t620 kbps$/);
});
