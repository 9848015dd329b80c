// The charts' figures as a table, for readers without the charts. Filled only while the table is open.

import { part, setText } from "../dom.ts";
import type { Plan } from "../live/frame.ts";
import { limitText, rateText, type Unit } from "./rate.ts";
import { type Point, type Summary, summarise, summariseResponses } from "./store.ts";
import { strings } from "../words/en.ts";
import { timeOf } from "./reading.ts";

/** The table divides the window into so many parts. */
const PARTS = 12;

/** The content of the table. */
export interface Told {
  /** The window's samples. */
  points: readonly Point[];
  /** The newest sample while current; null otherwise. */
  current: Point | null;
  plan: Plan;
  unit: Unit;
  minutes: number;
  /** The end of the window, Unix milliseconds by the relay's clock. */
  now: number;
}

/** One row: heading, download, upload, response. */
type Row = readonly [heading: string, down: string, up: string, response: string];

/** The table. */
export class Table {
  readonly #box: HTMLDetailsElement;
  readonly #caption: HTMLElement;
  readonly #rows: HTMLElement;

  constructor(host: ParentNode, onOpen: () => void) {
    this.#box = part(host, "#table-box") as HTMLDetailsElement;
    this.#caption = part(this.#box, "caption");
    this.#rows = part(this.#box, "tbody");
    this.#box.addEventListener("toggle", onOpen);
  }

  /** Fills the table if it is open. */
  show(told: Told): void {
    if (!this.#box.open) return;
    setText(this.#caption, captionOf(told));
    rowsOf(told).forEach((row, i) => this.#fill(i, row));
  }

  /** Rows stay and only their texts change, so that a reader keeps the place among them. */
  #fill(index: number, row: Row): void {
    const line = this.#rows.children[index] ?? this.#rows.appendChild(emptyRow());
    row.forEach((text, column) => {
      const cell = line.children[column];
      if (cell !== undefined) setText(cell, text);
    });
  }
}

function captionOf(told: Told): string {
  const caption = strings.tableCaption(told.minutes);
  const over = told.points.find((point) => point.coarse)?.span;
  return over === undefined ? caption : strings.tableCoarse(caption, strings.seconds(over));
}

/** Returns the rows: now, peak, average and plan, then equal parts of the window from full steps on, the newest first. */
export function rowsOf(told: Told): Row[] {
  const { points, current, plan, unit } = told;
  const rate = (bitsPerSecond: number | null | undefined): string => rateText(bitsPerSecond ?? null, unit);
  const limit = (value: number | null): string => (value === null ? strings.dash : limitText(value, unit));
  const down = summarise(points, "down");
  const up = summarise(points, "up");
  const responses = summariseResponses(points);
  const response = (microseconds: number | null | undefined): string => strings.milliseconds(microseconds ?? null);
  return [
    [strings.tableNow, rate(current?.down), rate(current?.up), response(current?.rtt)],
    [strings.page.peak, rate(down?.peak), rate(up?.peak), response(responses?.peak)],
    [strings.page.average, rate(down?.average), rate(up?.average), response(responses?.average)],
    [strings.tablePlan + (plan.shared ? strings.sharedPlan : ""), limit(plan.down), limit(plan.up), strings.dash],
    ...spans(told).map(([from, to]): Row => {
      const within = points.filter((point) => point.t > from && point.t <= to);
      const average = (summary: Summary | null): string => rate(summary?.average);
      const heading = strings.tableSpan(timeOf(from, told.minutes), timeOf(to, told.minutes));
      const typical = response(summariseResponses(within)?.average);
      return [heading, average(summarise(within, "down")), average(summarise(within, "up")), typical];
    }),
  ];
}

function spans(told: Told): [from: number, to: number][] {
  const step = (told.minutes * 60_000) / PARTS;
  const last = Math.floor(told.now / step) * step;
  return Array.from({ length: PARTS }, (_, i) => [last - (i + 1) * step, last - i * step]);
}

function emptyRow(): HTMLTableRowElement {
  const row = document.createElement("tr");
  const heading = document.createElement("th");
  heading.scope = "row";
  const response = document.createElement("td");
  response.className = "probed";
  row.append(heading, document.createElement("td"), document.createElement("td"), response);
  return row;
}
