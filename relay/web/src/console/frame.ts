// The frame around the sections: the provider's name, the tabs, who is signed in. Goes from section to section without a
// reload; the address follows, and the browser's Back works.

import { element, part } from "../dom.ts";
import { pathWithin } from "../live/address.ts";
import { strings } from "../words/console.ts";
import { Account } from "./account.ts";
import type { Api } from "./api.ts";
import { Audit } from "./audit.ts";
import { Busiest } from "./busiest.ts";
import type { Me, RouterFacts, SlowReports } from "./contract.ts";
import { type Desk, repeatedly, type Screen } from "./desk.ts";
import { closeDialog } from "./dialog.ts";
import { Lines } from "./lines.ts";
import { People } from "./people.ts";
import { faultsOf, Routers } from "./routers.ts";
import { pathOf, readRoute, type Route } from "./routes.ts";
import { SlowLines } from "./slow.ts";
import { isolated } from "./text.ts";

/** The routers' faults are counted for the tab each so many milliseconds. */
const COUNT_EVERY = 30_000;

/** The console as it begins. */
export interface Begun {
  api: Api;
  me: Me;
  base: URL;
  brand: string;
}

/** The console's frame. */
export class Frame implements Desk {
  readonly api: Api;
  readonly me: Me;
  readonly base: URL;
  readonly #brand: string;
  readonly #tabs = new Map<string, HTMLAnchorElement>();
  readonly #content = element("main", { id: "content" });
  readonly #faults = element("span", { class: "count", hidden: true });
  readonly #slow = element("span", { class: "count", hidden: true });
  readonly #ends: (() => void)[] = [];
  #screen: { name: string; screen: Screen } | null = null;

  constructor(host: HTMLElement, { api, me, base, brand }: Begun) {
    this.api = api;
    this.me = me;
    this.base = base;
    this.#brand = brand;
    host.replaceChildren(this.#top(), this.#content);
    const back = (): void => this.#show(readRoute(pathWithin(this.base, location.pathname), location.search), true);
    addEventListener("popstate", back);
    this.#ends.push(() => removeEventListener("popstate", back));
    this.#ends.push(repeatedly(COUNT_EVERY, async () => {
      // A section itself counts while it is open.
      if (this.#screen?.name !== "routers") {
        const answer = await this.api.get<{ routers: RouterFacts[] }>("routers");
        if (answer.ok) this.countFaults(faultsOf(answer.value.routers).length);
      }
      // No report is older than the first.
      const slow = await this.api.get<SlowReports>("slow?before=1");
      if (slow.ok) this.countSlow(slow.value.open);
    }));
  }

  go(route: Route, replaces = false): void {
    const address = this.href(route);
    if (replaces) history.replaceState(null, "", address);
    else if (address !== location.href) history.pushState(null, "", address);
    this.#show(route, !replaces);
  }

  href(route: Route): string {
    return new URL(pathOf(route), this.base).href;
  }

  entitle(text: string): void {
    document.title = `${text} · ${this.#brand}`;
  }

  countFaults(count: number): void {
    show(this.#faults, count, strings.faults(count));
  }

  countSlow(count: number): void {
    show(this.#slow, count, strings.open(count));
  }

  /** Ends everything, as when the session has ended. */
  leave(): void {
    for (const end of this.#ends) end();
    this.#screen?.screen.leave();
    this.#screen = null;
  }

  #show(route: Route, movesFocus: boolean): void {
    closeDialog();
    if (route.screen === "wall") return location.assign(this.href(route));
    const isNew = this.#screen?.name !== route.screen;
    if (isNew) {
      this.#screen?.screen.leave();
      const screen = this.#make(route);
      this.#screen = { name: route.screen, screen };
      this.#content.replaceChildren(screen.root);
      scrollTo(0, 0);
    }
    for (const [name, tab] of this.#tabs) {
      if (name === route.screen) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    this.#screen?.screen.show(route);
    if (isNew && movesFocus && route.screen !== "lines") this.#content.querySelector<HTMLElement>("h1")?.focus();
  }

  #make(route: Route): Screen {
    switch (route.screen) {
      case "lines":
        return new Lines(this);
      case "busiest":
        return new Busiest(this);
      case "routers":
        return new Routers(this);
      case "slow":
        return new SlowLines(this);
      case "people":
        return new People(this);
      case "audit":
        return new Audit(this);
      case "account":
        return new Account(this);
      default:
        return this.#missing();
    }
  }

  #missing(): Screen {
    const title = element("h1", { tabindex: -1 }, strings.problem.missingTitle);
    const back = this.link({ screen: "lines", username: null, query: "" }, strings.problem.toLines, "button first");
    this.entitle(strings.problem.missingTitle);
    return { root: element("div", { class: "page" }, title, element("p", {}, strings.problem.missing), element("p", {}, back)), show: () => undefined, leave: () => undefined };
  }

  #top(): HTMLElement {
    const { sections } = strings;
    const tabs: [string, Route][] = [
      [sections.lines, { screen: "lines", username: null, query: "" }],
      [sections.busiest, { screen: "busiest" }],
      [sections.slow, { screen: "slow", number: null, all: false }],
      [sections.routers, { screen: "routers", add: false }],
      ...(this.me.role === "admin" ? [[sections.people, { screen: "people" }] as [string, Route]] : []),
      [sections.audit, { screen: "audit", who: "", line: "", what: "" }],
    ];
    const links = tabs.map(([text, route]) => {
      const tab = this.link(route, text);
      if (route.screen === "routers") tab.append(" ", this.#faults);
      if (route.screen === "slow") tab.append(" ", this.#slow);
      this.#tabs.set(route.screen, tab);
      return tab;
    });
    const me = this.link({ screen: "account" }, "", "me");
    me.append(element("span", { class: "me-name" }, isolated(this.me.name)), element("span", { class: "spoken" }, `: ${strings.account}`), element("i", { "aria-hidden": "true" }, initials(this.me.name)));
    this.#tabs.set("account", me);
    const skip = element("a", { class: "skip", href: "#content" }, strings.skip);
    skip.addEventListener("click", (event) => {
      event.preventDefault();
      const target = part(this.#content, "h1, input, a, button");
      target.focus();
    });
    const brand = element("span", { class: "brand" }, element("bdi", {}, this.#brand));
    return element("header", { class: "top" }, skip, brand, element("nav", { "aria-label": sections.label }, ...links), me);
  }

  /** A link that goes without a reload; a click with a modifier is the browser's. */
  link(route: Route, text: string, look = ""): HTMLAnchorElement {
    const link = element("a", { href: this.href(route), class: look === "" ? null : look }, text);
    link.addEventListener("click", (event) => {
      if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      this.go(route);
    });
    return link;
  }
}

/** Shows a count beside a tab; none for zero. */
function show(place: HTMLElement, count: number, spoken: string): void {
  place.hidden = count === 0;
  place.replaceChildren(element("span", { "aria-hidden": "true" }, String(count)), element("span", { class: "spoken" }, spoken));
}

function initials(name: string): string {
  const words = name.split(/[\s._@-]+/).filter((word) => word !== "");
  const letters = words.slice(0, 2).map((word) => [...word][0] ?? "");
  return letters.join("").toUpperCase();
}
