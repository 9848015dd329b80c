// The routers and their agents: what needs somebody comes first, with what to do. A router is added on a sheet above.

import { element, setText } from "../dom.ts";
import { strings } from "../words/console.ts";
import { AddRouter } from "./addrouter.ts";
import type { RouterFacts } from "./contract.ts";
import { type Desk, repeatedly, replaceKeepingFocus, type Screen } from "./desk.ts";
import { manage } from "./managerouter.ts";
import type { Route } from "./routes.ts";
import { isolated } from "./text.ts";
import { bones, button, notice, pill, trouble } from "./widgets.ts";

const words = strings.routers;

/** The routers are asked for each so many milliseconds. */
const REFRESH_EVERY = 5_000;

/** Samples that wait so long for the relay are worth a look, in milliseconds. The backlog is always there: it is kept for a lost uplink. */
const DELAY = 5_000;

/** The routers that need somebody. */
export function faultsOf(routers: readonly RouterFacts[]): RouterFacts[] {
  return routers.filter((router) => router.fault !== null || router.lost_since !== null);
}

/** The section of the routers. */
export class Routers implements Screen {
  readonly root: HTMLElement;
  readonly #desk: Desk;
  readonly #count = element("p", { class: "soft" });
  readonly #add: HTMLElement[];
  readonly #sheet: AddRouter;
  readonly #list = element("div", {}, bones(5));
  readonly #told = element("div");
  #end: (() => void) | null = null;
  #drawn = "";

  constructor(desk: Desk) {
    this.#desk = desk;
    const isAdmin = desk.me.role === "admin";
    this.#add = isAdmin ? [button(words.add, () => desk.go({ screen: "routers", add: true }), "first")] : [];
    this.#sheet = new AddRouter(desk, () => void this.#ask());
    this.root = element("div", { class: "page" }, element("div", { class: "head" }, element("h1", { tabindex: -1 }, words.title), this.#count, ...this.#add), this.#told, this.#sheet.root, this.#list);
  }

  show(route: Route): void {
    this.#desk.entitle(words.title);
    this.#end ??= repeatedly(REFRESH_EVERY, () => this.#ask());
    const adds = route.screen === "routers" && route.add && this.#desk.me.role === "admin";
    for (const add of this.#add) add.hidden = adds;
    if (adds) this.#sheet.open();
    else if (this.#sheet.close()) this.#add[0]?.focus();
  }

  leave(): void {
    this.#end?.();
    this.#sheet.close();
  }

  async #ask(): Promise<void> {
    const answer = await this.#desk.api.get<{ routers: RouterFacts[] }>("routers");
    if (!answer.ok) {
      if (this.#drawn === "") this.#list.replaceChildren();
      return this.#told.replaceChildren(trouble(answer.problem));
    }
    this.#told.replaceChildren();
    this.#show(answer.value.routers);
  }

  #show(routers: readonly RouterFacts[]): void {
    const faults = faultsOf(routers);
    this.#desk.countFaults(faults.length);
    const sessions = routers.reduce((sum, router) => sum + (router.lost_since === null ? (router.sessions ?? 0) : 0), 0);
    setText(this.#count, routers.length === 0 ? "" : words.told(routers.length, sessions, faults.length));
    const now = Date.now();
    const drawn = JSON.stringify([routers, Math.floor(now / 60_000)]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    if (routers.length === 0) return this.#list.replaceChildren(this.#nothing());
    const order = (router: RouterFacts): number => (faults.includes(router) ? 0 : 1);
    const sorted = [...routers].sort((one, other) => order(one) - order(other));
    const columns = element("p", { class: "columns", "aria-hidden": "true" }, ...Object.values(words.columns).map((text) => element("span", {}, text)));
    replaceKeepingFocus(this.#list, [element("section", { class: "card table", "aria-label": words.label }, columns, element("ul", {}, ...sorted.map((router) => this.#row(router, now))))]);
  }

  #nothing(): HTMLElement {
    const isAdmin = this.#desk.me.role === "admin";
    const acts = isAdmin ? [element("p", {}, button(words.add, () => this.#desk.go({ screen: "routers", add: true }), "first"))] : [];
    return element("section", { class: "card nothing" }, element("h2", {}, words.none), element("p", {}, isAdmin ? words.noneDetail : words.noneSupport), ...acts);
  }

  #row(router: RouterFacts, now: number): HTMLElement {
    const cells = [
      [words.columns.router, ...boardOf(router)],
      [words.columns.since, ...sinceOf(router, now)],
      [words.columns.version, router.version ?? strings.dash, router.newer ? words.newer : ""],
      [words.columns.sessions, ...sessionsOf(router)],
      [words.columns.watched, router.lost_since === null && router.watched !== null ? strings.count(router.watched) : strings.dash],
      [words.columns.delay, ...delayOf(router)],
      [words.columns.backlog, backlogOf(router)],
    ] as const;
    const facts = cells.map(([term, value, small = ""]) => {
      const isMind = term === words.columns.delay && (router.delay_ms ?? 0) >= DELAY;
      return element("div", {}, element("dt", {}, term), element("dd", { class: isMind ? "mind" : null }, typeof value === "string" ? value : value, ...(small === "" ? [] : [element("small", {}, small)])));
    });
    const name = element("div", { class: "row-head" }, element("h2", {}, isolated(router.name)), stateOf(router));
    const act = this.#desk.me.role !== "admin" ? [] : [button(words.manage, () => manage(this.#desk, router, () => void this.#ask()), "small", { "aria-label": words.manageOf(router.name), "data-key": `manage ${router.name}` })];
    const foot = element("div", { class: "row-foot" }, element("small", {}, words.mayReport(""), isolated(router.patterns.join(", "))), ...act);
    return element("li", {}, name, element("dl", {}, ...facts), ...faultOf(router, now), foot);
  }
}

function stateOf(router: RouterFacts): HTMLElement {
  if (router.lost_since !== null) return pill("warn", "triangle", words.notHeard);
  if (router.connected_since === null) return pill("quiet", "ring", words.waiting);
  return router.fault === null ? pill("good", "disc", words.connected) : pill("warn", "diamond", words.fault);
}

function boardOf({ board, identity, routeros }: RouterFacts): [Node | string, string] {
  const name = board ?? identity;
  return [name === null ? strings.dash : isolated(name), routeros === null ? "" : `RouterOS ${routeros}`];
}

function sinceOf(router: RouterFacts, now: number): [string, string] {
  const { lost_since: lost, connected_since: since } = router;
  if (lost !== null) return [words.lost(strings.moment(lost, now)), words.ago(strings.duration(now - lost))];
  return since === null ? [strings.dash, ""] : [strings.moment(since, now), strings.duration(now - since)];
}

/** Of a lost agent: what it was. */
function sessionsOf({ sessions, lost_since: lost }: RouterFacts): [string] {
  if (sessions === null) return [strings.dash];
  return [lost === null ? strings.count(sessions) : words.were(strings.count(sessions))];
}

function delayOf({ delay_ms: delay, response_us: response, lost_since: lost }: RouterFacts): [string, string] {
  if (lost !== null || delay === null) return [strings.dash, ""];
  return [words.milliseconds(String(Math.round(delay))), response === null ? "" : words.response(words.milliseconds((response / 1_000).toFixed(response < 10_000 ? 1 : 0)))];
}

function backlogOf({ backlog, lost_since: lost }: RouterFacts): string {
  if (lost !== null || backlog === null) return strings.dash;
  return backlog.bytes === 0 ? words.empty : words.backlog(Math.max(1, Math.round(backlog.seconds)));
}

function faultOf(router: RouterFacts, now: number): HTMLElement[] {
  const lost = router.lost_since === null ? "" : `${words.notHeard} ${strings.since(router.lost_since, now)}.`;
  if (router.fault === null) return lost === "" ? [] : [notice(lost)];
  const { what, remedy } = router.fault;
  const box = notice("");
  const text = [element("b", {}, isolated(what)), ...(remedy === null ? [] : [" ", isolated(remedy)])];
  box.querySelector("p")?.replaceChildren(...text);
  return [box];
}
