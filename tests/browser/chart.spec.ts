// The two charts: drawing, gaps, movement, and the table of the same figures.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { eventually, NUMBER, sees } from "./chromium.ts";
import { type Answer, EXACT, history, type Rates, running, snapshot } from "./fake-relay.ts";
import { columns, lineColour, type Run, runs, share } from "./pixels.ts";
import { openLine, relay } from "./relay-and-pages.ts";

const constant = (rates: (age: number) => Rates | null): Answer => (viewer) =>
  viewer.send(snapshot({ history: history(90, Date.now(), rates) }));

/** A line with a gap of twenty seconds in the minute. */
const gapped: Answer = constant((age) => (age > 20 && age < 40 ? null : EXACT));

/** Each visible column of a chart: true with a part of the line. */
async function lineOf(page: Page, direction: "down" | "up"): Promise<boolean[]> {
  const scale = await page.evaluate(() => devicePixelRatio);
  return columns(await page.locator(`.panel[data-direction=${direction}] .plot`).screenshot(), direction, "line", scale);
}

test("a full minute is drawn from end to end, upload dashed", async () => {
  const page = await openLine(constant(() => EXACT));
  const end = relay.stream(() => EXACT);
  await sees(page, NUMBER, "14.8");
  await eventually("download from end to end", async () => share(await lineOf(page, "down")) > 0.95);
  const up = share(await lineOf(page, "up"));
  assert.ok(up > 0.4 && up < 0.95, `upload's dashes cover ${up}`);
  end();
});

test("a gap is drawn as a gap, not as a line and not as zero", async () => {
  const page = await openLine(gapped);
  const end = relay.stream(() => EXACT);
  await sees(page, NUMBER, "14.8");
  let last: Run[] = [];
  const isGapped = async (): Promise<boolean> => {
    last = runs(await lineOf(page, "down")).filter((run) => run.share > 0.02);
    const [before, gap, after, ...more] = last;
    return more.length === 0 && !!before?.drawn && !!after?.drawn && Math.abs((gap?.share ?? 0) - 21 / 60) < 0.04;
  };
  await eventually("line, gap of a third, line", isGapped).catch((error: Error) => {
    throw new Error(`${error.message}; they are ${JSON.stringify(last)}`);
  });
  end();
});

test("the chart scrolls between samples", async () => {
  const page = await openLine(gapped);
  await sees(page, NUMBER, "14.8");
  const edge = async (): Promise<number> => (await lineOf(page, "down")).indexOf(false);
  await eventually("the line before the gap", async () => (await edge()) > 20);
  const first = await edge();
  await eventually("the gap moved left", async () => (await edge()) < first - 3, 3_000);
});

test("with less motion it moves in steps", async () => {
  const page = await openLine(running, { reducedMotion: "reduce" });
  await sees(page, NUMBER, "14.8");
  const moves = await page.evaluate(async () => {
    const plot = document.querySelector(".plot") as Element;
    const look = (): string => plot.querySelector(".area g")?.getAttribute("transform") ?? "";
    let last = look();
    let count = 0;
    const end = performance.now() + 2_000;
    while (performance.now() < end) {
      await new Promise(requestAnimationFrame);
      const next = look();
      if (next !== last) count += 1;
      last = next;
    }
    return count;
  });
  assert.ok(moves >= 1 && moves <= 3, `${moves} moves in two seconds`);
});

test("the charts take the other theme's colours at once", async () => {
  const page = await openLine(constant(() => EXACT), { theme: "light" });
  const end = relay.stream(() => EXACT);
  await sees(page, NUMBER, "14.8");
  const colour = async (): Promise<string> => lineColour(await page.locator(".panel[data-direction=down] .plot").screenshot(), "down");
  const light = await colour();
  await page.emulateMedia({ colorScheme: "dark" });
  await eventually("the line in another colour", async () => (await colour()) !== light);
  await eventually("the line from end to end", async () => share(await lineOf(page, "down")) > 0.95);
  end();
});

test("the table tells the figures", async () => {
  const page = await openLine(constant(() => EXACT));
  await sees(page, NUMBER, "14.8");
  await page.getByText("Figures as a table").click();
  await sees(page, "caption", "Download and upload, the last minute");
  const rows = (await page.locator("tbody tr").allInnerTexts()).map((row) => row.replace(/\u00a0/g, " "));
  assert.equal(rows.length, 16);
  assert.deepEqual(rows.slice(0, 4), [
    "Now\t14.8 Mbps\t0.62 Mbps",
    "Peak\t14.8 Mbps\t0.62 Mbps",
    "Average\t14.8 Mbps\t0.62 Mbps",
    "Plan\t50 Mbps\t10 Mbps",
  ]);
  assert.match(rows[5] ?? "", /^\d\d:\d\d:\d\d to \d\d:\d\d:\d\d\t14\.8 Mbps\t0.62 Mbps$/);
});
