// The live part of a line: the very figures, charts and sentence of the subscriber's page, by its own code. Makes the
// elements that the page's files look for, and one connection for the line that is open.

import { type Attributes, element, part, svg } from "../dom.ts";
import { Controls } from "../line/controls.ts";
import { Monitor } from "../line/monitor.ts";
import { SHAPES } from "../line/page.ts";
import { animate, TICK } from "../line/motion.ts";
import type { Series } from "../line/panel.ts";
import { loadSettings, saveSettings, type Settings, WINDOWS } from "../line/settings.ts";
import type { Direction, Frame, Target } from "../live/frame.ts";
import type { Link } from "../live/link.ts";
import { LiveSocket } from "../live/socket.ts";
import { webSocketDial } from "../live/transport.ts";
import { browserWorld } from "../live/world.ts";
import { strings as page } from "../words/en.ts";
import { strings } from "../words/console.ts";

const ARROWS: Readonly<Record<Series, string>> = {
  down: "M6 11 1 5h3V1h4v4h3z",
  up: "M6 1 1 7h3v4h4V7h3z",
  time: "M8 0v2H1v2h7v2l4-3zM4 6v2h7v2H4v2L0 9z",
};

/** The past of a line without figures is shown so far back, in minutes. */
const PAST = 120;

/** The live part. Its elements must stand in the document before `begin`. */
export class Live {
  /** The state, for the head of the line. */
  readonly pill: HTMLElement;
  /** Figures, charts and sentence. */
  readonly card: HTMLElement;
  readonly #base: string;
  #monitor: Monitor | null = null;
  #socket: LiveSocket | null = null;
  #settings = loadSettings(() => localStorage);
  #timer = 0;
  readonly #left = new AbortController();
  /** The window was widened by itself: the reader's own choice comes back with the next line. */
  #isWidened = false;

  /** `base` is the relay's address with its folder and a last slash. */
  constructor(base: string) {
    this.#base = base;
    this.pill = element("span", { class: "pill", id: "pill", "data-tone": "quiet" }, shape(), element("span", { id: "pill-text" }));
    this.card = card();
    const { signal } = this.#left;
    for (const name of ["online", "offline", "pagehide", "pageshow"]) addEventListener(name, () => this.#heard(name), { signal });
    document.addEventListener("visibilitychange", () => this.#heard("pageshow"), { signal });
  }

  /** Watches a line. */
  begin(username: string): void {
    this.#socket?.stop();
    this.#monitor ??= this.#start();
    if (this.#isWidened) this.#choose(this.#settings.minutes);
    this.#isWidened = false;
    const target: Target = { kind: "username", username };
    this.#monitor.begin(target, { kind: "connecting", after: null });
    const world = { ...browserWorld(this.#base, target), webSocket: webSocketDial(`${this.#base}console/api/live`), events: null };
    this.#socket = new LiveSocket(target, world, { link: (link) => this.#monitor?.link(link), frame: (frame) => this.#frame(frame) });
    this.#socket.start();
    this.#heard("pageshow");
    clearInterval(this.#timer);
    this.#timer = window.setInterval(() => this.#monitor?.render(), TICK);
  }

  /** Lets the line go. */
  end(): void {
    clearInterval(this.#timer);
    this.#socket?.stop();
    this.#socket = null;
    const none: Link = { kind: "none" };
    this.#monitor?.begin(null, none);
  }

  /** Lets everything go. */
  leave(): void {
    this.end();
    this.#left.abort();
  }

  #start(): Monitor {
    const monitor = new Monitor(this.#settings, () => ({ monotonic: performance.now(), wall: Date.now() }));
    const choose = (settings: Settings): void => {
      if (!this.#isWidened) {
        this.#settings = settings;
        saveSettings(() => localStorage, settings);
      }
      monitor.choose(settings);
    };
    new Controls(this.#settings, { choose, refresh: () => this.#socket?.refresh() });
    // Until the section is left.
    animate(() => (this.card.isConnected ? monitor.scroll() : false));
    return monitor;
  }

  #frame(frame: Frame): void {
    // The way to this desk says nothing of the customer's device.
    if (frame.type !== "self") this.#monitor?.frame(frame);
    // A line without figures shows its past, which ends where it ended.
    const isOver = frame.type === "snapshot" && ["offline", "unreachable", "stalled"].includes(frame.status.state);
    if (!isOver || this.#isWidened || this.#settings.minutes === PAST) return;
    this.#isWidened = true;
    this.#choose(PAST);
  }

  /** Presses the button of a window. */
  #choose(minutes: number): void {
    const index = WINDOWS.findIndex((window) => window === minutes);
    (part(this.card, "#window").children[index] as HTMLElement | undefined)?.click();
  }

  #heard(name: string): void {
    if (name === "online") this.#socket?.online();
    else if (name === "offline") this.#socket?.offline();
    else if (name === "pagehide") this.#socket?.pause();
    else if (document.visibilityState === "hidden") this.#socket?.hidden();
    else this.#socket?.shown();
  }
}

function shape(): SVGSVGElement {
  return svg("svg", { width: 12, height: 12, viewBox: "0 0 12 12", "aria-hidden": "true" }, svg("path", { id: "shape", fill: "currentColor", "fill-rule": "evenodd", d: SHAPES.ring }));
}

function card(): HTMLElement {
  const window = element("div", { class: "segments", role: "group", "aria-label": page.page.window, id: "window" });
  const reading = element("p", { class: "reading", id: "reading", role: "slider", tabindex: 0, "aria-label": page.page.reading, "aria-valuenow": 0 });
  const figures = element("div", { class: "figures" }, readout("down"), readout("up"), response());
  const charts = element("div", { class: "charts" }, element("div", { class: "charts-head" }, window, reading), panel("down"), panel("up"), panel("time"), element("p", { class: "note", id: "note" }));
  const tools = element("div", { class: "tools" }, plain("zoom"), plain("units"), plain("copy"), plain("refresh", page.page.refresh));
  const text = element("textarea", { id: "copy-text", rows: 3, readonly: true, hidden: true });
  return element("section", { class: "card live", "aria-label": strings.line.live }, verdict(), figures, charts, tools, text, table(), unused());
}

function verdict(): HTMLElement {
  const sign = svg("svg", { class: "sign", width: 28, height: 28, viewBox: "0 0 24 24", fill: "none", "aria-hidden": "true" });
  sign.append(svg("circle", { cx: 12, cy: 12, r: 11 }), svg("path", { id: "sign", stroke: "currentColor", "stroke-width": 2.4, "stroke-linecap": "round", "stroke-linejoin": "round" }));
  const text = element("p", {}, element("b", { id: "title", class: "title" }), " ", element("span", { id: "detail" }));
  const reads = element("h2", { class: "reads" }, strings.line.customerReads);
  const why = element("details", { id: "why", class: "idle" }, element("summary", {}, page.page.why), element("dl", { id: "reasons" }));
  return element("div", { class: "verdict", id: "verdict", "data-tone": "quiet" }, sign, element("div", {}, reads, text, why));
}

function arrow(series: Series): SVGSVGElement {
  return svg("svg", { width: 12, height: 12, viewBox: "0 0 12 12", "aria-hidden": "true" }, svg("path", { d: ARROWS[series], fill: "currentColor" }));
}

function response(): HTMLElement {
  const head = element("h2", {}, arrow("time"), element("span", { id: "response-place" }, page.page.response));
  const figure = element("p", { class: "figure" }, element("span", { class: "number", id: "response" }, page.dash), " ", element("span", { class: "unit" }, "ms"));
  return element("div", { class: "response probed", "data-direction": "time" }, head, element("p", { class: "share", id: "response-manner" }), figure);
}

function readout(direction: Direction): HTMLElement {
  const figure = element("p", { class: "figure" }, element("span", { class: "number" }, page.dash), " ", element("span", { class: "unit" }));
  const bar = element("div", { class: "bar", "aria-hidden": "true" }, element("b"));
  return element("div", { class: "readout unknown", "data-direction": direction }, element("h2", {}, arrow(direction), heading(direction)), figure, bar, element("p", { class: "share" }));
}

function panel(series: Series): HTMLElement {
  const line = svg("svg", { width: 24, height: 10, "aria-hidden": "true" }, svg("path", { d: "M1 5h22", stroke: "currentColor", "stroke-width": 3, ...(series === "up" ? { "stroke-dasharray": "6 3" } : {}) }));
  const title = element("h3", {}, line, element("span", { class: "heading" }, heading(series), element("span", { class: "spoken" }, ", ")), element("span", { class: "axis-unit" }));
  const sum = (term: string, name: Attributes): HTMLElement => element("div", {}, element("dt", {}, term), element("dd", name));
  const isTime = series === "time";
  const [one, other] = isTime ? [sum(page.page.typical, { id: "typical" }), sum(page.page.lost, { id: "lost" })] : [sum(page.page.peak, { class: "peak" }), sum(page.page.average, { class: "average" })];
  const sums = element("dl", {}, one, other);
  return element("div", { class: isTime ? "panel probed" : "panel", "data-direction": series }, title, sums, element("div", { class: "plot" }));
}

function heading(series: Series): string {
  return { down: page.page.download, up: page.page.upload, time: page.page.response }[series];
}

function plain(id: string, text = ""): HTMLButtonElement {
  return element("button", { type: "button", class: "button small", id }, text);
}

function table(): HTMLElement {
  const columns: [string, string?][] = [[page.page.time], [page.page.download], [page.page.upload], [page.page.response, "probed"]];
  const head = columns.map(([text, name = null]) => element("th", { scope: "col", class: name }, text));
  const rows = element("table", { class: "plain-table" }, element("caption", { id: "caption" }), element("thead", {}, element("tr", {}, ...head)), element("tbody", { id: "rows-body" }));
  return element("details", { id: "table-box" }, element("summary", {}, page.page.table), rows);
}

/** The page's words that the console says elsewhere, or not at all. */
function unused(): HTMLElement {
  const names = ["name", "username", "package", "tip", "expires", "looking", "spoken"];
  const spans = names.map((id) => element("span", { id, ...(id === "spoken" ? { role: "status" } : {}) }));
  // What the page tells a screen reader is told here as well; everything else is hidden.
  const [spoken, hidden] = [spans.filter(({ id }) => id === "spoken"), spans.filter(({ id }) => id !== "spoken")];
  return element("div", {}, element("div", { hidden: true }, ...hidden), element("div", { class: "spoken" }, ...spoken));
}
