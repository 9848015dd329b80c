// Every state of the line and of the page, in the reader's words, on the built page in Chromium; each accessible, in both
// themes, without a complaint of the browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, figures, sees, violations } from "./chromium.ts";
import { type Answer, EXACT, history, people, sample, snapshot, state } from "./fake-relay.ts";
import { openLine, openPage, relay } from "./relay-and-pages.ts";

interface Case {
  answer: Answer;
  path?: string;
  pill: string;
  title: string | RegExp;
  detail: RegExp;
  /** The figures, or dashes. */
  figures?: { down: string; up: string } | null;
}

const now = (): number => Date.now();
const lately = (age = 0) => history(120, now() - age * 1_000, people);
const after60 = (name: string) => (viewer: Parameters<Answer>[0]) => {
  viewer.send(snapshot({ history: lately(60) }));
  viewer.send(state(name, { since: now() - 60_000 }));
};

const DASHES = { down: "–", up: "–" };
const RUNNING = { down: "14.8 Mbps", up: "0.62 Mbps" };

const CASES: Record<string, Case> = {
  running: {
    answer: (viewer) => {
      viewer.send(snapshot({ history: lately(1) }));
      viewer.send(sample(now(), EXACT));
    },
    pill: "Running",
    title: "Your line has room to spare.",
    detail: /not a speed test/,
    figures: RUNNING,
  },
  "running without a plan": {
    answer: (viewer) => {
      viewer.send(snapshot({ plan: { down: null, up: null }, customer: null, package: null }));
      viewer.send(sample(now(), EXACT));
    },
    pill: "Running",
    title: "Your line is working.",
    detail: /not a speed test/,
    figures: RUNNING,
  },
  waiting: {
    answer: (viewer) => viewer.send(snapshot()),
    pill: "Running",
    title: "Your line is connected.",
    detail: /Waiting for the first figures/,
    figures: DASHES,
  },
  full: {
    answer: (viewer) => viewer.send(snapshot({ history: history(60, now(), () => ({ down: 48.7e6, up: 1e6 })) })),
    pill: "Full",
    title: "Your line is full.",
    detail: /^All 50 Mbps have been in use for 40 s\./,
    figures: { down: "48.7 Mbps", up: "1.00 Mbps" },
  },
  quiet: {
    answer: (viewer) => viewer.send(snapshot({ history: history(60, now(), () => ({ down: 20_000, up: 9_000 })) })),
    pill: "Running",
    title: "Almost nothing uses your line.",
    detail: /look at the Wi-Fi/,
    figures: { down: "0.02 Mbps", up: "0.01 Mbps" },
  },
  "busy router": {
    answer: (viewer) => {
      viewer.send(snapshot({ interval: 5_000, sessions: 2 }));
      viewer.send(sample(now() - 7_000, EXACT));
    },
    pill: "Running",
    title: "Looking at your line…",
    detail: /not a speed test/,
    figures: RUNNING,
  },
  "too many watched": {
    answer: (viewer) => viewer.send(snapshot({ notice: "too_many_watched" })),
    pill: "No figures",
    title: /have to wait/,
    detail: /as many lines as it may/,
    figures: DASHES,
  },
  stalled: { answer: after60("stalled"), pill: "No figures", title: /no figures are coming/, detail: /nothing about your line/, figures: DASHES },
  offline: { answer: after60("offline"), pill: "Not connected", title: /^Your router is not connected to us since \d\d:\d\d\.$/, detail: /power/, figures: DASHES },
  unreachable: { answer: after60("unreachable"), pill: "Out of sight", title: /^We cannot see your router since/, detail: /does not mean that your line is down/, figures: DASHES },
  unknown: { answer: (viewer) => viewer.send(snapshot({ state: "unknown", sessions: 0 })), pill: "Not known", title: /no figures for this line/, detail: /ask your provider/, figures: DASHES },
  starting: { answer: (viewer) => viewer.send(snapshot({ state: "starting", sessions: 0 })), pill: "Starting", title: /just started/, detail: /within a minute/, figures: DASHES },
  connecting: { answer: () => undefined, pill: "Connecting", title: /Connecting/, detail: /on their way/, figures: DASHES },
  expired: { answer: (viewer) => viewer.close(4103, "link_expired"), pill: "Link expired", title: "This link has expired.", detail: /Ask your provider for a new one/, figures: null },
  refused: { answer: (viewer) => viewer.close(4102, "link_refused"), pill: "Link not valid", title: /does not open a line/, detail: /Check that you have all of it/, figures: null },
  "name refused": { path: "/line/ali", answer: (viewer) => viewer.close(4102, "link_refused"), pill: "Link needed", title: /link of its own/, detail: /ask for one/, figures: null },
  "line full": { answer: (viewer) => viewer.close(4104, "line_full"), pill: "Many viewers", title: /Too many people/, detail: /again in \d+ s\./, figures: DASHES },
  "relay full": { answer: (viewer) => viewer.close(4105, "relay_full"), pill: "Very busy", title: /Too many people/, detail: /not affected.*again in \d+ s\./, figures: DASHES },
  "too many failures": { answer: (viewer) => viewer.close(4108, "too_many_failures"), pill: "Not accepted", title: /not accepted/, detail: /again in \d+ s\./, figures: DASHES },
  "opened elsewhere": { answer: (viewer) => viewer.close(4109, "opened_elsewhere"), pill: "Open elsewhere", title: /newer pages in your network/, detail: /Press Refresh/, figures: null },
  "too many unknown names": { path: "/line/nobody", answer: (viewer) => viewer.close(4110, "too_many_unknown"), pill: "Not known", title: /Nobody here knows/, detail: /again in \d+ s\./, figures: DASHES },
  "no link": { path: "/", answer: () => undefined, pill: "No link", title: /needs your line's link/, detail: /your provider sent you/, figures: null },
  "nothing there": { path: "/line/", answer: () => undefined, pill: "Not found", title: /nothing at this address/, detail: /your provider sent you/, figures: null },
};

for (const [name, expected] of Object.entries(CASES)) {
  for (const theme of ["light", "dark"] as const) {
    test(`${name}, ${theme}`, async () => {
      relay.answer = expected.answer;
      const { page, complaints } = await openPage({ width: theme === "light" ? 360 : 1280, theme });
      await page.goto(relay.origin + (expected.path ?? "/#token"));
      await sees(page, "#pill-text", expected.pill);
      await sees(page, "#title", expected.title);
      await sees(page, "#detail", expected.detail);
      if (expected.figures === null) assert.equal(await page.locator(".now").isVisible(), false);
      else assert.deepEqual(await figures(page), expected.figures);
      assert.deepEqual(await violations(page), []);
      assert.deepEqual(complaints, []);
    });
  }
}

test("the connection lost is told apart, and comes back by itself with the same figures", async () => {
  relay.answer = CASES["running"]?.answer ?? relay.answer;
  const { page, complaints } = await openPage();
  await page.goto(`${relay.origin}/#token`);
  await sees(page, "#pill-text", "Running");
  relay.refusesWebSockets = true;
  relay.cut();
  await sees(page, "#pill-text", "Connection lost");
  await sees(page, "#title", "This page lost its connection.");
  assert.deepEqual(await violations(page), []);
  await sees(page, ".readout[data-direction=down] .number", "–");
  relay.refusesWebSockets = false;
  await sees(page, "#pill-text", "Running");
  await sees(page, ".readout[data-direction=down] .number", "14.8");
  assert.deepEqual(complaints.filter((text) => !/WebSocket connection|ERR_/.test(text)), []);
});

test("without JavaScript it says so", async () => {
  const { page } = await openPage({ javaScript: false });
  await page.goto(`${relay.origin}/#token`);
  assert.match(await page.locator("main noscript").innerText(), /needs JavaScript/);
  assert.equal(await page.locator(".now").isVisible(), false);
});

test("the tab's title carries the figures, the state, the name", async () => {
  relay.answer = CASES["running"]?.answer ?? relay.answer;
  const { page } = await openPage();
  await page.goto(`${relay.origin}/#token`);
  await eventually("title with figures", async () => (await page.title()) === "↓ 14.8 ↑ 0.62 Mbps · Protea Motors");
  relay.send(state("offline"));
  await eventually("title with the state", async () => (await page.title()) === "Not connected · Protea Motors");
});

test("a line comes and goes without a reload", async () => {
  relay.answer = (viewer) => viewer.send(snapshot());
  const { page } = await openPage();
  await page.goto(`${relay.origin}/#token`);
  await sees(page, "#pill-text", "Running");
  relay.send(sample(now(), EXACT));
  await sees(page, ".readout[data-direction=down] .number", "14.8");
  relay.send(state("offline", { since: now() }));
  await sees(page, "#pill-text", "Not connected");
  assert.deepEqual(await figures(page), DASHES, "never zero, never the old figure");
  relay.send(state("running", { sessions: 1, since: now() }));
  await sees(page, "#title", "Your line is connected.");
  assert.deepEqual(await figures(page), DASHES, "the figure from before is over");
  relay.send(sample(now(), { down: 2_000_000, up: 1_000_000 }));
  await sees(page, "#pill-text", "Running");
  assert.deepEqual(await figures(page), { down: "2.00 Mbps", up: "1.00 Mbps" });
});

test("a plan that other lines share is called so beside each figure", async () => {
  const plan = { down: 50_000_000, up: 10_000_000, shared: true };
  const page = await openLine((viewer) => {
    viewer.send(snapshot({ plan }));
    viewer.send(sample(Date.now(), EXACT));
  }, { width: 390, height: 844 });
  await sees(page, ".readout[data-direction=down] .share", /30\s% of\s50\sMbps, shared with other lines/);
  await sees(page, ".readout[data-direction=up] .share", /shared with other lines/);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `${wide} px`);
});
