// Pictures of the page in its states, to be looked at by people: out/STATE-WIDTH-THEME.png. No part of `make browser-test`, for
// the specs try the same states. Usage: node run.mjs gallery.ts

import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { drawn, launch, newPage, picture, sees, type Theme } from "./chromium.ts";
import { type Answer, averages, evening, FakeRelay, history, people, sample, snapshot, state } from "./fake-relay.ts";

const LONG = "a-very-long-name-without-any-space-that-goes-on-to-60-letter";

/** Each picture's answer, and the pill of the finished picture. */
const STATES: Record<string, { answer: Answer; pill: string; window?: string }> = {
  running: { pill: "Running", answer: (viewer) => viewer.send(lately()) },
  full: {
    pill: "Full",
    answer: (viewer) => {
      const now = Date.now();
      const rates = (age: number) => ({ down: age < 45 ? 48.7e6 + 3e5 * Math.sin(age) : 12e6, up: 1.1e6 });
      viewer.send(snapshot({ history: history(300, now, rates) }));
    },
  },
  past: {
    pill: "Running",
    window: "2 h",
    answer: (viewer) => {
      const now = Date.now();
      viewer.send(snapshot({ now, averages: averages(240, now - 20_000, evening), history: history(20, now, people) }));
    },
  },
  opened: {
    pill: "Running",
    window: "15 min",
    answer: (viewer) => {
      const now = Date.now();
      viewer.send(snapshot({ now, averages: averages(240, now - 20_000, evening), history: history(3, now, people) }));
    },
  },
  averages: {
    pill: "Running",
    window: "15 min",
    answer: (viewer) => {
      const now = Date.now();
      const more = { interval: 30_000, notice: "averages", averages: averages(240, now - 10_000, evening) };
      viewer.send(snapshot({ now, ...more }));
    },
  },
  offline: {
    pill: "Not connected",
    answer: (viewer) => {
      viewer.send(lately(12));
      viewer.send(state("offline", { since: Date.now() - 12_000 }));
    },
  },
  stalled: {
    pill: "No figures",
    answer: (viewer) => {
      viewer.send(lately(9));
      viewer.send(state("stalled"));
    },
  },
  "no-plan": {
    pill: "Running",
    answer: (viewer) => {
      const more = { customer: null, package: null, plan: { down: null, up: null }, display: LONG, brand: null };
      viewer.send({ ...lately(), ...more, expires: null });
    },
  },
  unreachable: {
    pill: "Out of sight",
    answer: (viewer) => {
      viewer.send(lately(60));
      viewer.send(state("unreachable", { since: Date.now() - 60_000 }));
    },
  },
  expired: { pill: "Link expired", answer: (viewer) => viewer.close(4103, "link_expired") },
};

/** A running line with a past of five minutes. The newest sample is so many seconds old. */
function lately(age = 0) {
  const now = Date.now();
  return snapshot({ now, history: history(300, now - age * 1_000, people) });
}

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

for (const [name, { answer, pill, window }] of Object.entries(STATES)) {
  for (const theme of ["light", "dark"] as const) {
    for (const width of [360, 390, 1280]) {
      test(`${name}, ${width} px, ${theme}`, () => take(name, answer, pill, width, theme, window));
    }
  }
}

for (const theme of ["light", "dark"] as const) {
  for (const width of [390, 1280]) {
    test(`connection lost, ${width} px, ${theme}`, async () => {
      const relay = await FakeRelay.start();
      relay.answer = (viewer) => viewer.send(lately(4));
      const { page, close } = await newPage(browser, { width, height: width < 600 ? 844 : 900, theme });
      await page.goto(`${relay.origin}/#token`);
      await sees(page, "#pill-text", "Running");
      relay.answer = () => undefined;
      relay.hangs = true;
      relay.cut();
      await sees(page, "#pill-text", "Connection lost");
      await sees(page, ".readout[data-direction=down] .number", "–");
      await picture(page, `lost-${width}-${theme}`);
      await close();
      await relay.stop();
    });
  }
}

async function take(
  name: string,
  answer: Answer,
  pill: string,
  width: number,
  theme: Theme,
  window?: string,
): Promise<void> {
  const relay = await FakeRelay.start();
  relay.answer = (viewer, watch) => {
    answer(viewer, watch);
    if (name === "running") viewer.send(sample(Date.now(), { down: 14_780_000, up: 620_000 }));
  };
  const { page, close } = await newPage(browser, { width, height: width < 600 ? 844 : 900, theme });
  await page.goto(`${relay.origin}/#token`);
  await sees(page, "#pill-text", pill);
  if (window !== undefined) await page.getByRole("button", { name: window, exact: true }).click();
  await drawn(page);
  await picture(page, `${name}-${width}-${theme}`);
  await close();
  await relay.stop();
}
