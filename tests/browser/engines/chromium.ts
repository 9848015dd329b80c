// Debian's Chromium, by the DevTools protocol.

import { launch } from "../chromium.ts";
import type { Engine, Tab } from "./engine.ts";

export const chromium: Engine = {
  name: "Chromium",
  launch: async (theme) => {
    const browser = await launch();
    return {
      open: async (): Promise<Tab> => {
        const context = await browser.newContext({ colorScheme: theme, viewport: { width: 1024, height: 730 } });
        const page = await context.newPage();
        return {
          load: async (url) => void (await page.goto(url)),
          back: async () => void (await page.goBack()),
          // Playwright hands over one argument; the function takes the parts.
          evaluate: (script, ...given) => page.evaluate(`(${script})(...${JSON.stringify(given)})`),
          picture: (selector) => page.locator(selector).first().screenshot(),
          click: (selector) => page.locator(selector).first().click(),
          close: () => context.close(),
        };
      },
      close: () => browser.close(),
    };
  },
};
