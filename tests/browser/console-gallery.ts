// Pictures of the console's screens, to be looked at by people: out/console-SCREEN-WIDTH-THEME.png. No part of `make
// browser-test`, for the specs try the same screens. Usage: node run.mjs console-gallery.ts

import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { drawn, launch, newPage, picture } from "./chromium.ts";
import { SCREENS } from "./console-screens.ts";
import { FakeConsole } from "./fake-console.ts";
import { FakeRelay } from "./fake-relay.ts";

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

for (const [name, screen] of Object.entries(SCREENS)) {
  for (const theme of ["light", "dark"] as const) {
    for (const width of screen.widths ?? [390, 1280]) {
      test(`${name}, ${width} px, ${theme}`, async () => {
        const relay = await FakeRelay.start();
        const console = new FakeConsole(relay);
        console.signedIn = screen.signedIn ?? true;
        screen.prepare?.(console);
        const { page, close } = await newPage(browser, { width, height: width < 600 ? 844 : width === 1920 ? 1080 : 900, theme });
        await page.goto(relay.origin + screen.path);
        await screen.seen(page, console);
        await settled(page);
        await picture(page, `console-${name}-${width}-${theme}`);
        await close();
        await relay.stop();
      });
    }
  }
}

async function settled(page: Page): Promise<void> {
  await drawn(page);
}
