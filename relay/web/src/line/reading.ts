// The reading of one instant of the charts: chosen by pointer, touch or keys, shown as text, and marked by the charts'
// cursor. Asks for moves; the monitor decides where they end.

import { part, setAttributes, setText } from "../dom.ts";
import type { Plan } from "../live/frame.ts";
import { strings } from "../words/en.ts";
import { rateText, shareText, type Unit } from "./rate.ts";
import type { Point } from "./store.ts";

/** The reader's wish. */
export type Move =
  /** The instant under the pointer, in pixels of the window. */
  | { kind: "to"; clientX: number }
  /** So many figures later, or earlier. */
  | { kind: "by"; figures: number }
  | { kind: "first" }
  | { kind: "last" }
  | { kind: "none" };

/** A chosen instant in Unix milliseconds, and the figure there; null where nothing is known. */
export interface Read {
  t: number;
  point: Point | null;
}

/** Page Up and Page Down move by so many figures. */
const PAGE = 10;

const KEYS: Readonly<Record<string, Move>> = {
  ArrowLeft: { kind: "by", figures: -1 },
  ArrowDown: { kind: "by", figures: -1 },
  ArrowRight: { kind: "by", figures: 1 },
  ArrowUp: { kind: "by", figures: 1 },
  PageDown: { kind: "by", figures: -PAGE },
  PageUp: { kind: "by", figures: PAGE },
  Home: { kind: "first" },
  End: { kind: "last" },
  Escape: { kind: "none" },
};

/** Averages over longer than this come from the days behind the line, in milliseconds. */
const LONG_SPAN = 60_000;

/** The strip that shows the reading, and the charts' pointers. */
export class Reading {
  readonly #strip = part(document, "#reading");
  /** A mouse that leaves the charts takes its reading along, unless a click or a key has fixed the reading. */
  #fixed = false;

  constructor(plots: readonly HTMLElement[], move: (move: Move) => void) {
    this.#strip.addEventListener("keydown", (event) => {
      const wish = KEYS[event.key];
      if (wish === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.#fixed = wish.kind !== "none";
      move(wish);
    });
    for (const plot of plots) this.#listen(plot, move);
  }

  /** Shows the reading, and the ends of the window for the slider; a hint for null. */
  show(read: Read | null, plan: Plan, unit: Unit, from: number, to: number): void {
    const seconds = (t: number): number => Math.round(t / 1_000);
    const bounds = { "aria-valuemin": seconds(from), "aria-valuemax": seconds(to), "aria-valuenow": seconds(read?.t ?? to) };
    setAttributes(this.#strip, { ...bounds, "aria-valuetext": read === null ? strings.note.point : spokenText(read, plan, unit) });
    setText(this.#strip, read === null ? strings.note.point : shownText(read, unit));
  }

  #listen(plot: HTMLElement, move: (move: Move) => void): void {
    plot.addEventListener("pointerdown", (event) => {
      this.#fixed = true;
      move({ kind: "to", clientX: event.clientX });
    });
    plot.addEventListener("pointermove", (event) => {
      const isDrag = event.pointerType !== "mouse" || event.buttons > 0;
      if (isDrag || !this.#fixed) move({ kind: "to", clientX: event.clientX });
    });
    plot.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse" && !this.#fixed) move({ kind: "none" });
    });
  }
}

/** An instant for a window of so many minutes: with its seconds, or with its day. */
export function timeOf(t: number, minutes: number): string {
  return minutes <= 120 ? strings.timeWithSeconds(t) : `${strings.timeWithMinutes(t)}, ${strings.day(t)}`;
}

function shownText({ t, point }: Read, unit: Unit): string {
  const time = timeOfPoint(t, point);
  if (point === null) return strings.reading.none(time);
  return strings.reading.at(time, rateText(point.down, unit), rateText(point.up, unit)) + responseText(point);
}

/** The days behind a line are read with their day. */
function timeOfPoint(t: number, point: Point | null): string {
  return timeOf(t, (point?.span ?? 0) > LONG_SPAN ? Infinity : 0);
}

function spokenText({ t, point }: Read, plan: Plan, unit: Unit): string {
  const time = timeOfPoint(t, point);
  if (point === null) return strings.reading.none(time);
  return strings.reading.spoken(time, shareText(point.down, plan.down, unit), shareText(point.up, plan.up, unit)) + responseText(point);
}

/** The response behind the rates, where one was measured. */
function responseText({ rtt }: Point): string {
  return rtt === undefined ? "" : strings.reading.response(rtt === null ? null : strings.milliseconds(rtt));
}

/** Returns the reading as a line of text for support: the line, the time, both rates beside the plan, the state. */
export function summaryOf(name: string, read: Read, plan: Plan, unit: Unit, state: string): string {
  const time = strings.timeWithSeconds(read.t);
  const { point } = read;
  const figures =
    point === null
      ? strings.reading.summaryNone(name, time)
      : strings.reading.summary(name, time, shareText(point.down, plan.down, unit), shareText(point.up, plan.up, unit), responseText(point));
  return `${figures} ${state} ${strings.reading.day(strings.date(read.t))}`.replace(/\u00a0/g, " ");
}
