// The visible parts of a tab in any engine, and the page's complaints.

import { eventually } from "../chromium.ts";
import { columns, share } from "../pixels.ts";
import type { Tab } from "./engine.ts";

/** Keeps each complaint of the page once, in every engine in the same way. Runs in the page, before the page's scripts. */
export function witness(): void {
  const heard: string[] = [];
  const hear = (complaint: string): void => {
    if (!heard.includes(complaint)) heard.push(complaint);
  };
  Object.assign(window, { complaints: heard });
  const fromEvent = (event: Event): string => {
    if (event instanceof ErrorEvent) return `error: ${event.message}`;
    return `not loaded: ${(event.target as Element).outerHTML}`;
  };
  addEventListener("error", (event) => hear(fromEvent(event)), true);
  addEventListener("unhandledrejection", ({ reason }) => hear(`rejected: ${String(reason)}`));
  document.addEventListener("securitypolicyviolation", ({ blockedURI }) => hear(`policy: ${blockedURI}`));
  for (const level of ["error", "warn"] as const) {
    const write = console[level].bind(console);
    console[level] = (...words: unknown[]) => {
      hear(words.map(String).join(" "));
      write(...words);
    };
  }
}

/** The witness's complaints. */
export function complaints(tab: Tab): Promise<string[]> {
  return tab.evaluate(() => (window as unknown as { complaints: string[] }).complaints);
}

/** The first element's text, with single spaces; empty for an invisible element. */
export function textOf(tab: Tab, selector: string): Promise<string> {
  return tab.evaluate((wanted) => {
    const element = document.querySelector(wanted);
    if (element === null || element.getClientRects().length === 0) return "";
    return (element.textContent ?? "").replace(/\s+/g, " ").trim();
  }, selector);
}

/** Waits until the element's text matches. */
export async function sees(tab: Tab, selector: string, text: string | RegExp, within = 10_000): Promise<void> {
  let last = "";
  const matches = async (): Promise<boolean> => {
    last = await textOf(tab, selector);
    return typeof text === "string" ? last === text : text.test(last);
  };
  await eventually(`${selector} says ${String(text)}`, matches, within).catch(async (error: Error) => {
    throw new Error(`${error.message}; it says "${last}"; complaints: ${JSON.stringify(await complaints(tab))}`);
  });
}

/** Waits until both figures are these. */
export async function seesFigures(tab: Tab, down: string, up: string, within = 10_000): Promise<void> {
  await sees(tab, ".readout[data-direction=down] .figure", down, within);
  await sees(tab, ".readout[data-direction=up] .figure", up, within);
}

/** Each visible column of a chart, from the left to the right: true with a part of the line. */
export async function lineOf(tab: Tab, direction: "down" | "up"): Promise<boolean[]> {
  return columns(await tab.picture(`.panel[data-direction=${direction}] .plot`), direction, "line");
}

/** Waits until the chart's line is drawn. It looks at the left half, for the right end empties while no sample comes. */
export async function seesChart(tab: Tab): Promise<void> {
  await eventually("the chart is drawn", async () => share(await lineOf(tab, "down"), 0.1, 0.5) > 0.9);
}

/** The lightness of an element's text and of the background, from 0 for black to 1 for white. */
export function lightness(tab: Tab, selector: string): Promise<{ text: number; background: number }> {
  return tab.evaluate((wanted) => {
    const element = document.querySelector(wanted);
    if (element === null) throw new Error(`there is no ${wanted}`);
    const parts = (colour: string): number[] => (colour.match(/[\d.]+/g) ?? []).map(Number);
    const of = (colour: string): number => Math.max(...parts(colour).slice(0, 3)) / 255;
    // The browser's own background, for an element whose ancestors have none.
    const probe = document.body.appendChild(document.createElement("p"));
    probe.setAttribute("hidden", "");
    probe.style.backgroundColor = "Canvas";
    let background = getComputedStyle(probe).backgroundColor;
    probe.remove();
    for (let at: Element | null = element; at !== null; at = at.parentElement) {
      const own = getComputedStyle(at).backgroundColor;
      if ((parts(own)[3] ?? 1) === 0) continue;
      background = own;
      break;
    }
    const { color, fill } = getComputedStyle(element);
    return { text: of(element instanceof SVGElement ? fill : color), background: of(background) };
  }, selector);
}

/** Overlapping texts and pictures, and pictures larger than a chart; one line each. */
export function overlaps(tab: Tab): Promise<string[]> {
  return tab.evaluate(() => {
    // What is in closed details has a place in some browsers, and is not seen.
    const isFolded = (element: Element): boolean => element.closest("details:not([open]) > :not(summary)") !== null;
    const seen = (element: Element): boolean => element.getClientRects().length > 0 && !isFolded(element);
    const said = [...document.querySelectorAll("h1, h2, h3, p, dt, dd, button, summary, canvas, svg")].filter(seen);
    const name = (element: Element): string => `${element.tagName} ${(element.textContent ?? "").trim().slice(0, 30)}`;
    const boxes = said.map((element) => ({ element, box: element.getBoundingClientRect() }));
    const found = boxes.filter(({ box }) => box.height > 250).map(({ element, box }) => `${name(element)} is ${box.height} px high`);
    for (const [i, { element, box }] of boxes.entries()) {
      for (const other of boxes.slice(i + 1)) {
        if (element.contains(other.element)) continue;
        const across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
        const down = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
        if (across > 1 && down > 1) found.push(`${name(element)} and ${name(other.element)}`);
      }
    }
    return found;
  });
}
