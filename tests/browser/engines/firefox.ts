// Debian's Firefox ESR, by WebDriver BiDi.

import puppeteer from "puppeteer-core";
import type { Engine, Tab } from "./engine.ts";

/** The values of `layout.css.prefers-color-scheme.content-override`. */
const THEMES = { dark: 0, light: 1 };

/** Firefox; `LINELIGHT_FIREFOX` names another than Debian's. */
export const firefox: Engine = {
  name: "Firefox",
  launch: async (theme) => {
    const browser = await puppeteer.launch({
      browser: "firefox",
      executablePath: process.env["LINELIGHT_FIREFOX"] ?? "/usr/bin/firefox-esr",
      headless: true,
      extraPrefsFirefox: { "layout.css.prefers-color-scheme.content-override": THEMES[theme] },
    });
    return {
      open: async (): Promise<Tab> => {
        const context = await browser.createBrowserContext();
        const page = await context.newPage();
        await page.setViewport({ width: 1024, height: 730 });
        return {
          load: async (url) => void (await page.goto(url)),
          back: async () => void (await page.goBack()),
          evaluate: async (script, ...given) =>
            (await page.evaluate(`(${script})(...${JSON.stringify(given)})`)) as Awaited<ReturnType<typeof script>>,
          picture: async (selector) => Buffer.from(await (await page.waitForSelector(selector))!.screenshot()),
          click: (selector) => page.click(selector),
          close: () => context.close(),
        };
      },
      close: () => browser.close(),
    };
  },
};
