// The days behind a line: "it was slow last night" is looked up on the page.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, NUMBER, picture, sees, violations } from "./chromium.ts";
import { type Frame, running } from "./fake-relay.ts";
import { openPage, relay } from "./relay-and-pages.ts";

const FIVE = 300_000;

/** Days of a line that is full each evening, with a gap. */
function days(hours: number): Frame {
  const interval = hours > 48 ? 6 * FIVE : FIVE;
  const length = Math.floor((hours * 3_600_000) / interval);
  const start = Math.floor(Date.now() / interval) * interval - length * interval;
  const rates = (busy: number, idle: number): (number | null)[] =>
    Array.from({ length }, (_, i) => {
      if (i > length * 0.5 && i < length * 0.55) return null;
      const hour = new Date(start + i * interval).getHours();
      return hour >= 18 && hour < 22 ? busy : idle;
    });
  const rtt = Array.from({ length }, () => null);
  return { interval, start, down: rates(41e6, 4e6), up: rates(2e6, 3e5), down_most: rates(48e6, 9e6), up_most: rates(3e6, 5e5), rtt, lost: rtt };
}

for (const theme of ["light", "dark"] as const) {
  test(`the last day and the last week are shown, ${theme}`, async () => {
    relay.answer = running;
    relay.days = days;
    const { page, complaints } = await openPage({ width: 390, theme });
    await page.goto(`${relay.origin}/line/ali`);
    await sees(page, NUMBER, "14.8");
    for (const [name, over] of [["24 h", "5 minutes"], ["7 days", "30 minutes"]] as const) {
      await page.getByRole("button", { name, exact: true }).click();
      await sees(page, ".panel[data-direction=down] .peak", "48.0 Mbps");
      await eventually(over, async () => (await page.locator("#table-box").count()) === 1);
      await picture(page, `days-${name.replace(" ", "-")}-${theme}`);
      assert.deepEqual(await violations(page), []);
    }
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
    assert.deepEqual(complaints, []);
  });
}

test("without days the page shows what it has, and says from when on", async () => {
  relay.answer = running;
  const { page } = await openPage({ width: 360 });
  await page.goto(`${relay.origin}/line/ali`);
  await sees(page, NUMBER, "14.8");
  await page.getByRole("button", { name: "24 h" }).click();
  await sees(page, "#note", /No figures from before \d/);
});
