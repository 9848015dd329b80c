// One line in the list of results: whose, state, and how much it carries by its averages. No stream is started for a row.

import { element } from "../dom.ts";
import { rateText, unitOf } from "../line/rate.ts";
import type { Shape, Tone } from "../line/sentences.ts";
import { labelOf, strings } from "../words/console.ts";
import type { Row, RowState } from "./contract.ts";
import { spark } from "./spark.ts";
import { isolated, marked } from "./text.ts";
import { pill } from "./widgets.ts";

/** The look of a state; the line's own page has the same. */
const LOOKS: Readonly<Record<RowState, [Tone, Shape]>> = {
  running: ["good", "disc"],
  full: ["warn", "diamond"],
  "not-connected": ["warn", "square"],
  "out-of-sight": ["warn", "triangle"],
  "no-figures": ["warn", "ring"],
  "never-seen": ["quiet", "ring"],
};

/** Returns a state as a pill; a state of a newer relay is shown by its name. */
export function statePill(state: RowState): HTMLElement {
  const [tone, shape] = LOOKS[state] ?? ["quiet", "ring"];
  return pill(tone, shape, strings.states[state] ?? state);
}

/** Returns a row's content for a search. */
export function rowContent(row: Row, query: string, now: number): HTMLElement[] {
  const name = element("span", { class: "row-name" }, hit(row.customer ?? row.username, query));
  const username = row.customer === null ? [] : [element("span", { class: "row-sub" }, hit(row.username, query))];
  return [element("span", { class: "row-who" }, name, ...username, ...third(row, query)), side(row, now)];
}

/** What matched where the row would not show it, or the package. */
function third(row: Row, query: string): HTMLElement[] {
  const { matched } = row;
  const isShown = matched === null || ["username", "customer", "package"].includes(matched.field);
  if (!isShown) {
    const field = labelOf(matched.field);
    return [element("span", { class: "row-sub" }, isolated(field), " ", hit(matched.text, query))];
  }
  return row.package === null ? [] : [element("span", { class: "row-sub" }, hit(row.package, query))];
}

function side(row: Row, now: number): HTMLElement {
  const runs = row.state === "running" || row.state === "full";
  const side = element("span", { class: "row-side" }, statePill(row.state));
  if (!runs || row.down === null) {
    if (row.since !== null && !runs && row.state !== "never-seen") side.append(element("span", { class: "row-rate" }, strings.since(row.since, now)));
    return side;
  }
  const unit = unitOf(row.plan, Math.max(row.down, row.up ?? 0), "bits");
  if (row.spark.length > 1) side.append(spark(row.spark, row.plan.down, "down"));
  const rate = element("span", { class: "row-rate" }, element("span", { class: "spoken" }, `${strings.busiest.download} `), element("span", { "aria-hidden": "true" }, "↓ "), rateText(row.down, unit));
  side.append(rate);
  return side;
}

/** A text with the places of a search marked. */
function hit(text: string, query: string): HTMLElement {
  const parts = marked(text, query).map((part) => (part.isHit ? element("mark", {}, part.text) : part.text));
  return element("bdi", {}, ...parts);
}
