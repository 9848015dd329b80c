// The layout: nothing overflows at any width, nothing moves while the line changes, the first screen shows the verdict.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { drawn, eventually, figures, NUMBER, sees } from "./chromium.ts";
import { type Rates, running, sample, snapshot, state } from "./fake-relay.ts";
import { openLine, openPage, relay } from "./relay-and-pages.ts";

const LONG = "x".repeat(60);

for (const width of [320, 360, 390, 768, 1280]) {
  test(`nothing overflows at ${width} px, whatever the names and figures`, async () => {
    const page = await openLine(
      (viewer) => {
        const names = { customer: LONG, package: LONG, display: LONG, brand: LONG };
        viewer.send(snapshot({ ...names, plan: { down: 1_000_000_000, up: 1_000_000_000 } }));
        viewer.send(sample(Date.now(), { down: 999_990_000, up: 999_990_000 }));
      },
      { width, height: 800 },
    );
    await sees(page, NUMBER, "1000");
    const overflowing = await page.evaluate(() =>
      [...document.querySelectorAll("body, body *")]
        .filter((element) => element.id !== "spoken")
        .filter((element) => {
          const card = element.closest(".card")?.getBoundingClientRect().right ?? innerWidth;
          return element.getBoundingClientRect().right > card + 0.5;
        })
        .map((element) => `${element.tagName}.${element.className}`),
    );
    assert.deepEqual(overflowing, []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  });
}

test("nothing moves while figures grow, units and verdicts change, and the line goes", async () => {
  for (const width of [360, 1280]) {
    const page = await openLine(running, { width, height: 800 });
    await sees(page, NUMBER, "14.8");
    const before = await boxes(page);
    const steps: Rates[] = [
      { down: 1_000_000, up: 0 },
      { down: 9_990_000, up: 9_000 },
      { down: 48_700_000, up: 9_700_000 },
      { down: 999_990_000, up: 123_450_000 },
      { down: 2_345_000_000, up: 1 },
    ];
    for (const [i, rates] of steps.entries()) {
      relay.send(sample(Date.now() + 1 + i, rates));
      await drawn(page);
      assert.deepEqual(await boxes(page), before, JSON.stringify(rates));
    }
    for (const name of ["stalled", "offline", "unreachable", "unknown", "starting"]) {
      relay.send(state(name, { since: Date.now() - 60_000 }));
      await eventually(name, async () => (await page.getAttribute("body", "data-state")) === name);
      assert.deepEqual(await boxes(page), before, `${name} at ${width}`);
    }
    await page.context().close();
  }
});

test("the units stand still while digits come and go", async () => {
  const page = await openLine(running);
  await sees(page, NUMBER, "14.8");
  const unitAt = (): Promise<number> => page.locator(".readout[data-direction=down] .unit").evaluate((unit) => unit.getBoundingClientRect().left);
  const first = await unitAt();
  for (const [i, down] of [9_990_000, 10_000_000, 1_110_000, 99_990_000].entries()) {
    relay.send(sample(Date.now() + 1 + i, { down, up: 0 }));
    await eventually("the figure", async () => (await figures(page)).down === `${(down / 1e6).toFixed(down < 9_995_000 ? 2 : down < 99_950_000 ? 1 : 0)} Mbps`);
    assert.equal(await unitAt(), first, String(down));
  }
});

test("the page arrives without a jump", async () => {
  relay.answer = running;
  const { page } = await openPage({ width: 390, height: 844 });
  await page.addInitScript(() => {
    interface Shift {
      value: number;
      sources: { node: Element | null }[];
    }
    const shifts: string[] = [];
    Object.assign(window, { shifts });
    new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries() as unknown as Shift[]) {
        const nodes = sources.map(({ node }) => node?.parentElement?.innerHTML.trim().slice(0, 60));
        shifts.push(`${value.toFixed(4)} by ${nodes.join(", ")}`);
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  await page.goto(`${relay.origin}/#e30.${Buffer.from('{"sub":"4446@karoo.example"}').toString("base64url")}.x`);
  await sees(page, NUMBER, "14.8");
  await drawn(page);
  const shifts = await page.evaluate(() => (window as unknown as { shifts: string[] }).shifts);
  const sum = shifts.reduce((total, shift) => total + parseFloat(shift), 0);
  assert.ok(sum < 0.005, shifts.join("; "));
});

test("verdict and figures are seen without scrolling on a phone", async () => {
  const page = await openLine(running, { width: 360, height: 640 });
  await sees(page, NUMBER, "14.8");
  const bottom = await page.locator("#verdict").evaluate((verdict) => verdict.getBoundingClientRect().bottom);
  assert.ok(bottom <= 640, `the verdict ends at ${bottom}`);
});

/** Every element's place, in whole pixels. */
function boxes(page: Page): Promise<Record<string, string>> {
  return page.evaluate(() => {
    const found: Record<string, string> = {};
    for (const selector of ["header", ".who", ".readout[data-direction=down]", ".readout[data-direction=up]", ".bar", ".share", "#verdict", ".lately", ".plot", "#refresh"]) {
      const box = (document.querySelector(selector) as Element).getBoundingClientRect();
      found[selector] = [box.left, box.top + scrollY, box.width, box.height].map(Math.round).join(" ");
    }
    return found;
  });
}
