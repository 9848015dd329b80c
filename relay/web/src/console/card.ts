// The elements that the files of the subscriber's page look for, as the console has them: sentence, figures, charts, table. One
// line stands in the document at a time.

import { type Attributes, element, svg } from "../dom.ts";
import { SHAPES } from "../line/page.ts";
import type { Series } from "../line/panel.ts";
import type { Direction } from "../live/frame.ts";
import { strings } from "../words/console.ts";
import { strings as page } from "../words/en.ts";

const ARROWS: Readonly<Record<Series, string>> = {
  down: "M6 11 1 5h3V1h4v4h3z",
  up: "M6 1 1 7h3v4h4V7h3z",
  time: "M8 0v2H1v2h7v2l4-3zM4 6v2h7v2H4v2L0 9z",
};

function shape(): SVGSVGElement {
  return svg("svg", { width: 12, height: 12, viewBox: "0 0 12 12", "aria-hidden": "true" }, svg("path", { id: "shape", fill: "currentColor", "fill-rule": "evenodd", d: SHAPES.ring }));
}

/** Returns the state of a line, for its head. */
export function linePill(): HTMLElement {
  return element("span", { class: "pill", id: "pill", "data-tone": "quiet" }, shape(), element("span", { id: "pill-text" }));
}

/** Returns sentence, figures and charts of a line. */
export function lineCard(): HTMLElement {
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
