// The board of the busiest lines, for the console and for a wallboard: cells, lines by state, routers. It says itself when
// it is old: a frozen board that looks alive is the worst fault it can have.

import { element, setText, svg } from "../dom.ts";
import { SHAPES } from "../line/page.ts";
import { figureOf, unitOf } from "../line/rate.ts";
import type { Shape } from "../line/sentences.ts";
import type { Direction } from "../live/frame.ts";
import { strings } from "../words/console.ts";
import type { AgentSum, Board, BusyLine } from "./contract.ts";
import { Places } from "./places.ts";
import { spark } from "./spark.ts";
import { isolated } from "./text.ts";

const words = strings.busiest;

/** The board is asked for each so many milliseconds. */
export const REFRESH_EVERY = 5_000;

/** An older board is called old, in milliseconds. */
const OLD = 15_000;

/** A line is called full from this share of its plan on. */
const FULL = 0.9;

const ARROWS: Readonly<Record<Direction, string>> = { down: "M6 11 1 5h3V1h4v4h3z", up: "M6 1 1 7h3v4h4V7h3z" };

const STATES: readonly [keyof Board["states"], Shape, string][] = [
  ["running", "disc", "good"],
  ["full", "diamond", "warn"],
  ["not_connected", "square", "warn"],
  ["out_of_sight", "triangle", "warn"],
  ["no_figures", "ring", "quiet"],
];

/** The board. */
export class BoardView {
  readonly root = element("div", { class: "board" });
  readonly #lost = element("p", { class: "lost", role: "status", hidden: true });
  readonly #grid = element("ol", { class: "grid", "aria-label": words.title });
  readonly #states = element("ul");
  readonly #agents = element("ul");
  readonly #sums = element("p", { class: "sums" });
  readonly #places = new Places();
  readonly #open: ((username: string) => Node) | null;
  #knownAt: number | null = null;

  /** `open` makes a line's name a link; null where nothing can be opened. */
  constructor(open: ((username: string) => Node) | null) {
    this.#open = open;
    const states = element("section", { class: "box states", "aria-label": words.states }, this.#states);
    const agents = element("section", { class: "box agents", "aria-label": words.routers }, this.#agents);
    this.root.append(this.#lost, this.#grid, element("div", { class: "beside" }, states, agents));
    this.root.classList.add("unfilled");
  }

  /** The sums of all routers, for the head. */
  get sums(): HTMLElement {
    return this.#sums;
  }

  /** Shows a board that has just come. */
  show(board: Board): void {
    this.#knownAt = Date.now();
    this.root.classList.remove("unfilled");
    this.age();
    const byName = new Map(board.lines.map((line) => [line.username, line]));
    const places = this.#places.next(board.lines.map(({ username }) => username), Date.now());
    const lines = places.map((name) => byName.get(name)).filter((line): line is BusyLine => line !== undefined);
    this.#grid.replaceChildren(...(lines.length > 0 ? lines.map((line) => this.#cell(line)) : [element("li", { class: "nothing" }, words.none)]));
    this.#states.replaceChildren(...STATES.map(([name, shape, tone]) => stateRow(words.stateNames[name], board.states[name], shape, tone)));
    const now = board.at;
    this.#agents.replaceChildren(...board.agents.map((agent) => agentRow(agent, now)));
    const sum = (direction: Direction): number => board.agents.reduce((all, agent) => all + agent[direction], 0);
    this.#sums.replaceChildren(...(["down", "up"] as const).map((direction) => total(direction, sum(direction))));
  }

  /** Says that the board is old if it is; called each second. */
  age(): void {
    const age = this.#knownAt === null ? Infinity : Date.now() - this.#knownAt;
    if (age < OLD) return this.#say(null);
    this.#say(this.#knownAt === null ? words.never : words.lost(strings.time(this.#knownAt)));
  }

  /** Says why there is no board; null for a board that is fresh. */
  #say(text: string | null): void {
    this.root.classList.toggle("old", text !== null);
    this.#lost.hidden = text === null;
    setText(this.#lost, text ?? "");
  }

  /** Says a sentence for good, as for an address that has ended. */
  end(sentence: string): void {
    this.#say(sentence);
  }

  #cell(line: BusyLine): HTMLElement {
    const direction = directionOf(line);
    const unit = unitOf(line.plan, Math.max(line.down ?? 0, line.up ?? 0), "bits");
    const [value, limit] = [line[direction], line.plan[direction]];
    const name = this.#open === null ? isolated(line.username) : this.#open(line.username);
    const rate = element("p", { class: "cell-rate" }, arrow(direction), element("span", { class: "cell-figure" }, value === null ? strings.dash : figureOf(value, unit)), " ", element("span", { class: "cell-unit" }, unit.name));
    const of = limit === null || value === null ? [] : [shareOf(value, limit, strings.number(limit / unit.divisor))];
    return element("li", { class: "cell", "data-direction": direction }, element("p", { class: "cell-name" }, element("span", { class: "soft" }, String(line.rank)), name), element("div", { class: "cell-row" }, rate, ...of), spark(line.spark, limit, direction, true));
  }
}

/** The direction that uses more of its limit; without limits, the higher rate. The relay sends that direction's averages. */
function directionOf({ down, up, plan }: BusyLine): Direction {
  const share = (rate: number | null, limit: number | null): number => (rate ?? 0) / (limit ?? 1e12);
  return share(up, plan.up) > share(down, plan.down) ? "up" : "down";
}

function shareOf(rate: number, limit: number, text: string): HTMLElement {
  const share = rate / limit;
  if (share >= FULL) return element("p", { class: "cell-of" }, element("b", { class: "full" }, words.full), ` ${words.of(text)}`);
  return element("p", { class: "cell-of" }, words.percentOf(Math.round(share * 100), text));
}

function arrow(direction: Direction): SVGSVGElement {
  return svg("svg", { class: "arrow", "data-direction": direction, viewBox: "0 0 12 12", width: 12, height: 12, role: "img", "aria-label": words[direction === "down" ? "download" : "upload"] }, svg("path", { d: ARROWS[direction], fill: "currentColor" }));
}

function stateRow(name: string, count: number, shape: Shape, tone: string): HTMLElement {
  const drawn = svg("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" }, svg("path", { d: SHAPES[shape], fill: "currentColor", "fill-rule": "evenodd" }));
  return element("li", {}, element("span", { class: "shape", "data-tone": tone }, drawn), element("span", {}, name), element("b", {}, strings.count(count)));
}

function agentRow(agent: AgentSum, now: number): HTMLElement {
  const isLost = agent.lost_since !== null;
  const unit = unitOf({ down: null, up: null }, agent.down, "bits");
  const figure = isLost ? strings.dash : `${figureOf(agent.down, unit)} ${unit.name}`;
  const small = isLost ? element("span", { class: "ill" }, `▲ ${words.notHeard(strings.since(agent.lost_since ?? now, now))}`) : element("span", {}, words.lines(agent.lines));
  return element("li", {}, element("p", {}, isolated(agent.name), element("b", {}, figure)), element("p", { class: "soft" }, small));
}

function total(direction: Direction, rate: number): HTMLElement {
  const unit = unitOf({ down: null, up: null }, rate, "bits");
  return element("span", { class: "total" }, arrow(direction), element("b", {}, figureOf(rate, unit)), ` ${unit.name}`);
}
