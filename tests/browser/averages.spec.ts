// The recent past: averages from before the page was open, beside samples, and in place of samples.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { drawn, eventually, figures, NUMBER, sees, type View, violations } from "./chromium.ts";
import { type Answer, averages, averagesFrame, EXACT, history, type Rates, sample, snapshot, state } from "./fake-relay.ts";
import { columns, share } from "./pixels.ts";
import { openPage, relay } from "./relay-and-pages.ts";

const NOTE = /[Aa]verages over 30 seconds\./;

async function open(answer: Answer, view: View = {}): Promise<Page> {
  relay.answer = answer;
  const { page, complaints } = await openPage(view);
  await page.goto(`${relay.origin}/#token`);
  await sees(page, "#pill-text", "Running");
  assert.deepEqual(complaints, []);
  return page;
}

/** Two hours of averages up to 5 s ago, and a sample now. */
const past = (rates: (age: number) => Rates | null, samples = 1): Answer => (viewer) => {
  const now = Date.now();
  const live = history(samples, now, () => EXACT);
  viewer.send(snapshot({ now, averages: averages(240, now - 5_000, rates), history: live }));
};

async function choose(page: Page, window: string): Promise<void> {
  await page.getByRole("button", { name: window, exact: true }).press("Enter");
  await drawn(page);
}

/** The tinted part of the chart's width, by line or area, between two shares. */
async function tinted(page: Page, from = 0, to = 1): Promise<number> {
  const picture = await page.locator(".panel[data-direction=down] .plot").screenshot();
  return share(columns(picture, "down", "any"), from, to);
}

test("a page opens with its recent past drawn, and says what it is", async () => {
  const page = await open(past(() => EXACT));
  await sees(page, NUMBER, "14.8");
  for (const window of ["1 min", "5 min", "15 min", "2 h"]) {
    await choose(page, window);
    assert.ok((await tinted(page, 0.02, 0.95)) > 0.97, window);
    await sees(page, "#note", NOTE);
  }
  assert.deepEqual(await violations(page), []);
});

test("what was five minutes ago is in sight: a gap as a gap, a busy time at its height", async () => {
  const page = await open(past((age) => (age > 330 && age < 570 ? null : age < 330 ? { down: 48_000_000, up: 0 } : EXACT)));
  await choose(page, "15 min");
  await sees(page, ".panel[data-direction=down] .peak", "48.0 Mbps");
  assert.equal(await tinted(page, 0.42, 0.58), 0, "the gap");
  assert.ok((await tinted(page, 0.05, 0.3)) > 0.97);
  assert.ok((await tinted(page, 0.7, 0.95)) > 0.97);
});

test("samples take over, and a window of samples alone has no pale part", async () => {
  const page = await open(past(() => ({ down: 40_000_000, up: 1 }), 61));
  await sees(page, "#note", "");
  await sees(page, ".panel[data-direction=down] .peak", "14.8 Mbps");
  await choose(page, "5 min");
  await sees(page, "#note", NOTE);
  await sees(page, ".panel[data-direction=down] .peak", "40.0 Mbps");
});

test("a page left open gets each new average", async () => {
  const page = await open((viewer) => viewer.send(snapshot({ notice: "averages", interval: 30_000 })));
  await sees(page, NUMBER, "–");
  relay.send(averagesFrame({ interval: 30_000, start: Date.now() - 30_500, down: [EXACT.down], up: [EXACT.up] }));
  await sees(page, NUMBER, "14.8");
});

test("where averages stand in, they are the figures, and the page says so until samples come", async () => {
  const page = await open((viewer) => {
    const now = Date.now();
    const more = { notice: "averages", interval: 30_000, averages: averages(8, now - 20_000, () => EXACT) };
    viewer.send(snapshot({ now, ...more }));
  });
  await sees(page, NUMBER, "14.8");
  await sees(page, "#detail", /^These are averages over 30 seconds: the router gives no live figures\.$/);
  assert.equal((await figures(page)).up, "0.62 Mbps");
  relay.send(state("running", { sessions: 1 }));
  relay.send(sample(Date.now(), { down: 5_000_000, up: 1 }));
  await sees(page, NUMBER, "5.00");
  await eventually("the usual words", async () => !/averages/.test((await page.textContent("#detail")) ?? ""));
});

test("an average that is too old is no figure", async () => {
  relay.answer = (viewer) => {
    const now = Date.now();
    const more = { notice: "averages", interval: 30_000, averages: averages(8, now - 80_000, () => EXACT) };
    viewer.send(snapshot({ now, ...more }));
  };
  const { page } = await openPage();
  await page.goto(`${relay.origin}/#token`);
  await sees(page, "#pill-text", "No figures");
  await sees(page, "#title", /figures are late/);
  assert.equal(await page.textContent(NUMBER), "–");
});

test("the table tells the same, and where averages are among it", async () => {
  const page = await open(past(() => EXACT));
  await choose(page, "2 h");
  await page.getByText("Figures as a table").click();
  await sees(page, "caption", "Download and upload, the last 2 hours; in part from averages over 30 seconds");
  const rows = (await page.locator("tbody tr").allInnerTexts()).map((row) => row.replace(/\u00a0/g, " "));
  assert.equal(rows.length, 16);
  assert.ok(rows.slice(5, 15).every((row) => row.endsWith("\t14.8 Mbps\t0.62 Mbps")), rows.join("\n"));
});

for (const width of [320, 390, 1280]) {
  test(`the note moves nothing and fits at ${width} px`, async () => {
    const page = await open(past(() => EXACT, 61), { width, height: 800 });
    const table = (): Promise<number> => page.locator("#table-box").evaluate((box) => box.getBoundingClientRect().top + scrollY);
    await sees(page, "#note", "");
    const before = await table();
    await choose(page, "15 min");
    await sees(page, "#note", NOTE);
    assert.equal(await table(), before);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  });
}

test("the span of two hours is kept for the next page", async () => {
  const page = await open(past(() => EXACT));
  await choose(page, "2 h");
  await page.reload();
  await sees(page, "#note", NOTE);
  assert.equal(await page.getByRole("button", { name: "2 h" }).getAttribute("aria-pressed"), "true");
});
