// The README's pictures of the page, of lines of the demo with their traffic of a minute: on a phone in the light theme, and
// on a desktop in the dark one. Reduced by pngquant to a palette.

import { execFileSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { eventually, figures, launch, newPage, sees, type View } from "./chromium.ts";
import { startSystem, type System } from "./demo.ts";
import { columns, share } from "./pixels.ts";

/** The largest size of both pictures together, in bytes. */
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
  const files = await Promise.all(WANTED.map((wanted) => take(browser, system, wanted)));
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
  const plot = page.locator(".panel[data-direction=down] .plot");
  const scale = view.width < 600 ? 2 : 1;
  const isFull = async (): Promise<boolean> => {
    const line = columns(await plot.screenshot(), "down", "line", scale);
    return share(line) > 0.97 && share(line, 0, 0.03) === 1;
  };
  await eventually("the chart is full", isFull, PATIENCE);
  await eventually("a busy second", async () => /^\d\d\.\d+ Mbps$/.test((await figures(page)).down), PATIENCE);
  await page.evaluate(() => scrollTo(0, 0));
  const file = join(folder, `${name}.png`);
  await page.screenshot({ path: file, animations: "disabled" });
  execFileSync("pngquant", ["--force", "--strip", "--speed=1", "--output", file, "128", file]);
  await close();
  return file;
}
