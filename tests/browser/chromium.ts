// Chromium for the tests: launches Debian's, opens pages, and remembers every complaint of a page.

import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContext, chromium, type Frame, type Page } from "playwright-core";

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The folder of screenshots, ignored by git. */
export const OUT = join(folder(), "out");

/** The selector of the download's figure, without the unit. */
export const NUMBER = ".readout[data-direction=down] .number";

/** The two themes. */
export type Theme = "light" | "dark";

/** How a page is opened. */
export interface View {
  width?: number;
  height?: number;
  theme?: Theme;
  reducedMotion?: "reduce" | "no-preference";
  javaScript?: boolean;
  timeZone?: string;
}

/** An open page and the page's complaints. */
export interface Opened {
  page: Page;
  context: BrowserContext;
  /** Errors, warnings and broken policies, as the console has them. */
  complaints: string[];
  close(): Promise<void>;
}

/** Launches Chromium; `LINELIGHT_CHROMIUM` names another than Debian's. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env["LINELIGHT_CHROMIUM"] ?? "/usr/bin/chromium", args: ARGUMENTS });
}

/** Opens an empty page in a new context. */
export async function newPage(browser: Browser, view: View = {}): Promise<Opened> {
  const context = await browser.newContext({
    viewport: { width: view.width ?? 1280, height: view.height ?? 900 },
    colorScheme: view.theme ?? "light",
    reducedMotion: view.reducedMotion ?? "no-preference",
    javaScriptEnabled: view.javaScript ?? true,
    timezoneId: view.timeZone ?? "Africa/Johannesburg",
    locale: "en-GB",
    deviceScaleFactor: (view.width ?? 1280) < 600 ? 2 : 1,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  return { page, context, complaints, close: () => context.close() };
}

/** The accessibility violations of a page, or of one frame in a page, one line each. */
export async function violations(page: Page | Frame): Promise<string[]> {
  const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(source);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    interface Violation {
      id: string;
      nodes: { target: string[]; failureSummary: string }[];
    }
    const result = await axe.run();
    return result.violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`),
    );
  });
}

/** Keeps a picture of the whole page in `out`. */
export async function picture(page: Page, name: string): Promise<void> {
  await mkdir(OUT, { recursive: true });
  // Without animations: no picture shows a bar half-way.
  await page.screenshot({ path: join(OUT, `${name}.png`), fullPage: true, animations: "disabled" });
}

/** Waits for the next drawn picture. */
export function drawn(page: Page): Promise<unknown> {
  return page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** Tells the page: the tab is hidden, or visible again. */
export async function setVisible(page: Page, visible: boolean): Promise<void> {
  await page.evaluate((seen) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (seen ? "visible" : "hidden") });
    Object.defineProperty(document, "hidden", { configurable: true, get: () => !seen });
    document.dispatchEvent(new Event("visibilitychange"));
  }, visible);
}

/** Waits until a check holds; fails with the check's words. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>, within = 10_000): Promise<void> {
  const end = Date.now() + within;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${within} ms: ${what}`);
    await new Promise((tick) => setTimeout(tick, 20));
  }
}

/** Waits until the element's text matches. */
export async function sees(page: Page, selector: string, text: string | RegExp, within = 10_000): Promise<void> {
  let last = "";
  const matches = async (): Promise<boolean> => {
    last = ((await page.locator(selector).first().textContent()) ?? "").replace(/\s+/g, " ").trim();
    return typeof text === "string" ? last === text : text.test(last);
  };
  await eventually(`${selector} says ${String(text)}`, matches, within).catch((error: Error) => {
    throw new Error(`${error.message}; it says "${last}"`);
  });
}

/** The two figures with their units, as a reader sees them. */
export async function figures(page: Page): Promise<{ down: string; up: string }> {
  const read = async (direction: string): Promise<string> =>
    ((await page.locator(`.readout[data-direction=${direction}] .figure`).textContent()) ?? "").replace(/\s+/g, " ").trim();
  return { down: await read("down"), up: await read("up") };
}

function folder(): string {
  let path = dirname(fileURLToPath(import.meta.url));
  while (!path.endsWith(join("tests", "browser"))) path = dirname(path);
  return path;
}
