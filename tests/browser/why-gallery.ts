// Pictures of the page for each reason why it is slow, to be looked at by people: out/why-CASE-WIDTH-THEME.png. No part of `make
// browser-test`. Usage: node run.mjs why-gallery.ts

import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { drawn, launch, newPage, picture, sees } from "./chromium.ts";
import { FakeRelay, type Frame, history, people, type Rates, snapshot } from "./fake-relay.ts";

/** A line of five minutes: rates and responses by age in seconds, and this page's own response, in microseconds. */
interface Line {
  rates(age: number): Rates | null;
  rtt(age: number): number | null;
  self?: number;
  pill: string;
  open?: boolean;
  more?: Frame;
}

const jitter = (age: number): number => 900 * Math.sin(age * 7) + 700 * Math.sin(age * 3);
const prompt = (age: number): number => Math.round(12_400 + jitter(age));
const full = (age: number): Rates => (age < 45 ? { down: 18.9e6 + 2e5 * Math.sin(age), up: 0.4e6 } : { down: 4e6, up: 0.3e6 });
const little = (age: number): Rates => ({ down: 0.6e6 + 2e5 * Math.sin(age), up: 0.21e6 });

const LINES: Record<string, Line> = {
  "full-slow": { pill: "Full", open: true, rates: full, rtt: (age) => (age < 42 ? Math.round(320_000 + 40 * jitter(age)) : prompt(age)), self: 352_000 },
  "full-prompt": { pill: "Full", rates: full, rtt: prompt, self: 19_000 },
  slow: { pill: "Slow", open: true, rates: little, rtt: (age) => (age % 10 === 3 && age < 40 ? null : age < 50 ? Math.round(312_000 + 20 * jitter(age)) : prompt(age)) },
  device: { pill: "Device slow", rates: little, rtt: prompt, self: 210_000 },
  well: { pill: "Running", rates: (age) => ({ down: 6e6 + 2e6 * Math.sin(age / 3), up: 0.4e6 }), rtt: prompt, self: 19_000 },
  silent: { pill: "Running", rates: people, rtt: () => 0, more: { response: "silent" } },
  provider: { pill: "Running", rates: people, rtt: prompt, more: { response: "provider" } },
};

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

for (const [name, line] of Object.entries(LINES)) {
  for (const theme of ["light", "dark"] as const) {
    for (const width of [390, 1280]) {
      test(`${name}, ${width} px, ${theme}`, async () => {
        const relay = await FakeRelay.start();
        relay.answer = (viewer) => {
          const now = Date.now();
          const columns = history(300, now, line.rates) as { t: number[] };
          const rtt = columns.t.map((t) => line.rtt(Math.round((now - t) / 1_000)));
          const plan = { down: 20_000_000, up: 5_000_000 };
          viewer.send(snapshot({ now, plan, package: "Fibre Direct 20/5", history: { ...columns, rtt }, response: "router", quiet: 12_000, ...line.more }));
          if (line.self !== undefined) viewer.send({ type: "self", rtt: line.self });
        };
        const { page, close } = await newPage(browser, { width, height: width < 600 ? 844 : 900, theme });
        await page.goto(`${relay.origin}/#token`);
        await sees(page, "#pill-text", line.pill);
        if (line.open) await page.locator("#why summary").click();
        await drawn(page);
        await picture(page, `why-${name}-${width}-${theme}`);
        await close();
        await relay.stop();
      });
    }
  }
}
