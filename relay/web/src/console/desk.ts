// What every screen of the console has at hand, and what a screen is.

import type { Api } from "./api.ts";
import type { Me } from "./contract.ts";
import type { Route } from "./routes.ts";

/** The console around a screen. */
export interface Desk {
  api: Api;
  me: Me;
  /** The relay's address with its folder and a last slash. */
  base: URL;
  /** Goes to another address, or shows the present one differently where `replaces`. */
  go(route: Route, replaces?: boolean): void;
  /** The address of a route, for links. */
  href(route: Route): string;
  /** A link that goes there without a reload. */
  link(route: Route, text: string, look?: string): HTMLAnchorElement;
  /** Names the document, before the provider's name. */
  entitle(text: string): void;
  /** Shows how many routers have a fault. */
  countFaults(count: number): void;
  /** Shows how many slow reports are open. */
  countSlow(count: number): void;
}

/** One section of the console. */
export interface Screen {
  root: HTMLElement;
  /** Shows what an address names. Called again for another address of the same section. */
  show(route: Route): void;
  /** Ends timers and streams. */
  leave(): void;
}

/** Replaces an element's children. The focus stays on the child of the same `data-key`, if there was one. */
export function replaceKeepingFocus(host: HTMLElement, children: readonly Node[]): void {
  const focused = host.contains(document.activeElement) ? document.activeElement?.getAttribute("data-key") : null;
  host.replaceChildren(...children);
  if (focused === null || focused === undefined) return;
  [...host.querySelectorAll<HTMLElement>("[data-key]")].find((child) => child.dataset["key"] === focused)?.focus();
}

/** Runs a function now and then again and again, while the document is seen; returns what ends it. `milliseconds` lie between the end of one run and the next. */
export function repeatedly(milliseconds: number, run: () => Promise<void>): () => void {
  let timer = 0;
  let isOver = false;
  const next = async (): Promise<void> => {
    if (document.visibilityState !== "hidden") await run();
    if (!isOver) timer = window.setTimeout(() => void next(), milliseconds);
  };
  void next();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
