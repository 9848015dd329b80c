// The README's pictures, of lines of the demo with their traffic of a minute: the page on a phone in the light theme and on a
// desktop in the dark one, and the console with an open line. Reduced by pngquant to a palette.

import { execFileSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { eventually, figures, launch, newPage, sees, type View } from "./chromium.ts";
import { startSystem, type System } from "./demo.ts";
import { columns, share } from "./pixels.ts";

/** The largest size of all pictures together, in bytes. */
const MOST = 200 * 1024;

/** Longer than the chart's minute, in milliseconds. */
const PATIENCE = 120_000;

interface Wanted {
  name: string;
  username: string;
  /** The simulated subscriber's traffic. */
  person: "video" | "download";
  view: View & { width: number; height: number };
}

const WANTED: Wanted[] = [
  { name: "phone", username: "alice", person: "video", view: { width: 390, height: 844, theme: "light" } },
  { name: "desktop", username: "ali", person: "download", view: { width: 1280, height: 800, theme: "dark" } },
];

const folder = join(process.cwd(), "..", "..", "docs", "pictures");
mkdirSync(folder, { recursive: true });
const browser = await launch();
const system = await startSystem("concentrator");
try {
  const pages = await Promise.all(WANTED.map((wanted) => take(browser, system, wanted)));
  // Afterwards: a page says when the console has its line open.
  const files = [...pages, await takeConsole(browser, system)];
  const weight = files.reduce((sum, file) => sum + statSync(file).size, 0);
  console.log(`${files.join(", ")}: ${weight} bytes`);
  if (weight > MOST) throw new Error(`the pictures weigh ${weight} bytes, more than ${MOST}`);
} finally {
  await browser.close();
  await system.stop();
}

/** Opens the line, waits for a full chart, and returns the picture's file. */
async function take(browser: Browser, system: System, { name, username, person, view }: Wanted): Promise<string> {
  await system.router(`person ${username} ${person}`);
  const { page, close } = await newPage(browser, view);
  await page.goto(system.link(username));
  await sees(page, "#pill-text", /./);
  await filled(page, view.width < 600 ? 2 : 1);
  await busy(page);
  const file = await kept(page, name);
  await close();
  return file;
}

/** Signs in by the demo's invitation, opens a line found by its name, and returns the picture's file. */
async function takeConsole(browser: Browser, system: System): Promise<string> {
  const { page, close } = await newPage(browser, { width: 1280, height: 900, theme: "light" });
  await page.goto(system.invitation);
  await page.getByLabel("Choose a password", { exact: true }).fill("several words are good");
  await page.getByRole("button", { name: "Save and sign in" }).click();
  await page.locator("#search").fill("al");
  await page.getByRole("option", { name: /Ali Demir/ }).click();
  await page.getByText(/^Watched a line/).waitFor();
  await filled(page, 1);
  await busy(page);
  const file = await kept(page, "console");
  await close();
  return file;
}

async function filled(page: Page, scale: number): Promise<void> {
  const plot = page.locator(".panel[data-direction=down] .plot");
  const isFull = async (): Promise<boolean> => {
    const line = columns(await plot.screenshot(), "down", "line", scale);
    return share(line) > 0.97 && share(line, 0, 0.03) === 1;
  };
  await eventually("the chart is full", isFull, PATIENCE);
}

async function busy(page: Page): Promise<void> {
  await eventually("a busy second", async () => /^\d\d\.\d+ Mbps$/.test((await figures(page)).down), PATIENCE);
}

/** Takes the picture from the top of the page. */
async function kept(page: Page, name: string): Promise<string> {
  await page.evaluate(() => scrollTo(0, 0));
  const file = join(folder, `${name}.png`);
  await page.screenshot({ path: file, animations: "disabled" });
  execFileSync("pngquant", ["--force", "--strip", "--speed=1", "--output", file, "128", file]);
  return file;
}
