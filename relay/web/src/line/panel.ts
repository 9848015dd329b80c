// One direction's chart as SVG: axis, plan, line, band and cursor. Colours are style.css's, so that themes, printing and
// forced colours need nothing here. Keeps no samples and reads no clock.

import { part, setAttributes, setText, svg } from "../dom.ts";
import type { Direction } from "../live/frame.ts";
import { strings } from "../words/en.ts";
import { multiples, type RateAxis, rateAxis, timeStep } from "./axis.ts";
import { columnWidth, type Run, runsOf, type Vertex } from "./columns.ts";
import type { Unit } from "./rate.ts";
import type { Zoom } from "./settings.ts";
import type { Point } from "./store.ts";

/** Everything that a chart draws. */
export interface Scene {
  points: readonly Point[];
  /** Limits in bits per second; null where not known. */
  plan: Readonly<Record<Direction, number | null>>;
  /** The highest rates of the window, bits per second. */
  peaks: Readonly<Record<Direction, number>>;
  unit: Unit;
  minutes: number;
  zoom: Zoom;
}

/** Margins in lengths of the root font, so that labels of any size have room. */
const MARGINS = { left: 2.9, right: 0.6, top: 1.25, bottom: 0.5, times: 1.7 };

/** The distance between time labels, and the half of one, in lengths of the root font. */
const APART = { seconds: 4.8, minutes: 3.6 };
const HALF_LABEL = 1.9;

/** The most steps of the rate axes, and the least height of a step in lengths of the root font. */
const STEPS: Readonly<Record<Direction, number>> = { down: 4, up: 2 };
const STEP_HEIGHT = 1.3;

/** A drawn line begins at full minutes, so that the pattern of its dashes stands still while it scrolls. */
export const ANCHOR = 60_000;

/** Strokes at the plotted area's edge need so many pixels more. */
const BLEED = 2;

/** The size of a chart without a layout, in pixels. */
const DEFAULT = { width: 320, height: 160 };

/** The plotted area in pixels. */
interface Area {
  left: number;
  top: number;
  width: number;
  height: number;
  rem: number;
}

/** One direction's chart. */
export class Panel {
  readonly host: HTMLElement;
  readonly #direction: Direction;
  readonly #unit: HTMLElement;
  readonly #heading: string;
  // For a page without its style sheet: a chart that stands in a line of text is lower than its host, which then grows with
  // each look at its size; and text is black on a dark page.
  readonly #root = svg("svg", { role: "img", class: "chart", display: "block", fill: "currentColor" });
  readonly #grid = svg("g", { class: "grid" });
  readonly #clip = svg("svg", { class: "area" });
  readonly #moving = svg("g");
  readonly #times = svg("g", { class: "times" });
  readonly #band = svg("path", { class: "band", fill: "currentColor", "fill-opacity": 0.13 });
  readonly #fill = svg("path", { class: "fill", fill: "currentColor", "fill-opacity": 0.1 });
  readonly #line = svg("path", { class: "line", fill: "none", stroke: "currentColor", "stroke-width": 2 });
  readonly #cursor = svg("path", { class: "cursor", fill: "none", stroke: "currentColor" });
  readonly #dot = svg("circle", { class: "dot", r: 4 });
  readonly #empty = svg("text", { class: "empty", "text-anchor": "middle" });
  #scene: Scene | null = null;
  #axis: RateAxis = { top: 1, labels: [], plan: null };
  #area: Area = { left: 0, top: 0, width: 1, height: 1, rem: 16 };
  /** The right end of the drawing, and the right end in sight, Unix milliseconds. */
  #origin = 0;
  #edge = 0;

  constructor(host: ParentNode, direction: Direction) {
    const panel = part(host, `.panel[data-direction=${direction}]`);
    this.host = part(panel, ".plot");
    this.#unit = part(panel, ".axis-unit");
    this.#heading = strings.page[direction === "down" ? "download" : "upload"];
    this.#direction = direction;
    if (direction === "up") setAttributes(this.#line, { "stroke-dasharray": "7 4" });
    this.#moving.append(this.#band, this.#fill, this.#line, this.#cursor, this.#dot);
    this.#clip.append(this.#moving);
    this.#root.append(this.#grid, this.#clip, this.#times, this.#empty);
    this.host.replaceChildren(this.#root);
    this.resize();
    this.clear();
  }

  /** The plotted area's left end and width, in pixels of the window. */
  get plotted(): { left: number; width: number } {
    return { left: this.host.getBoundingClientRect().left + this.#area.left, width: this.#area.width };
  }

  /** Draws a scene with its right end at `edge`, in Unix milliseconds. */
  update(scene: Scene, edge: number): void {
    this.#scene = scene;
    this.#origin = edge;
    const [direction, { divisor }] = [this.#direction, scene.unit];
    const plan = scene.plan[direction];
    const steps = Math.max(1, Math.min(STEPS[direction], Math.floor(this.#area.height / this.#area.rem / STEP_HEIGHT)));
    this.#axis = rateAxis(scene.peaks[direction] / divisor, plan === null ? null : plan / divisor, scene.zoom, steps);
    setText(this.#unit, scene.unit.name);
    setAttributes(this.#root, { "aria-label": strings.chart(this.#heading, scene.unit.name) });
    this.#drawGrid();
    this.#drawTimes(scene);
    const width = columnWidth(scene.minutes, this.#area.width);
    this.#drawRuns(runsOf(scene.points, direction, width), width !== null);
    this.scroll(edge);
  }

  /** Forgets the drawing, as for another line. */
  clear(): void {
    this.#scene = null;
    for (const path of [this.#line, this.#fill, this.#band]) setAttributes(path, { d: "" });
    for (const group of [this.#grid, this.#times]) group.replaceChildren();
    setText(this.#unit, "");
    setText(this.#empty, strings.chartEmpty);
    setAttributes(this.#root, { "aria-label": this.#heading });
    this.mark(null);
  }

  /** Moves the right end. */
  scroll(edge: number): void {
    this.#edge = edge;
    const x = (this.#area.width - this.#x(edge)).toFixed(2);
    setAttributes(this.#moving, { transform: `translate(${x} ${BLEED})` });
    setAttributes(this.#times, { transform: `translate(${(this.#area.left + Number(x)).toFixed(2)} 0)` });
  }

  /** Marks an instant and the rate at the instant, null for an unknown rate; no mark for null. */
  mark(at: { t: number; rate: number | null } | null): void {
    const x = at === null ? 0 : this.#x(at.t).toFixed(1);
    setAttributes(this.#cursor, { d: at === null ? "" : `M${x} 0V${this.#area.height}` });
    const rate = at?.rate ?? null;
    setAttributes(this.#dot, rate === null ? { visibility: "hidden" } : { visibility: "visible", cx: x, cy: this.#y(rate) });
  }

  /** Takes the host's size. */
  resize(): void {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
    const bottom = (this.#direction === "up" ? MARGINS.times : MARGINS.bottom) * rem;
    const [left, top] = [MARGINS.left * rem, MARGINS.top * rem];
    // Without the style sheet the host is as high as its content: nothing yet.
    const size = { width: this.host.clientWidth || DEFAULT.width, height: this.host.clientHeight || DEFAULT.height };
    const width = Math.max(1, size.width - left - MARGINS.right * rem);
    const height = Math.max(1, size.height - top - bottom);
    this.#area = { left, top, width, height, rem };
    setAttributes(this.#root, { viewBox: `0 0 ${size.width} ${size.height}` });
    setAttributes(this.#clip, { x: left, y: top - BLEED, width, height: height + 2 * BLEED });
    setAttributes(this.#empty, { x: left + width / 2, y: top + height / 2 });
    if (this.#scene !== null) this.update(this.#scene, this.#edge);
  }

  /** Pixels from the drawing's right end. */
  #x(t: number): number {
    return ((t - this.#origin) * this.#area.width) / ((this.#scene?.minutes ?? 1) * 60_000);
  }

  /** Pixels from the area's top, for bits per second. */
  #y(rate: number): string {
    const value = rate / (this.#scene?.unit.divisor ?? 1);
    return (this.#area.height * (1 - Math.min(value / this.#axis.top, 1.05))).toFixed(1);
  }

  #drawRuns(runs: readonly Run[], hasBand: boolean): void {
    const point = (vertex: Vertex, rate: number): string => `${this.#x(vertex.t).toFixed(1)} ${this.#y(rate)}`;
    const along = (run: Run, rate: (vertex: Vertex) => number): string => run.map((vertex) => point(vertex, rate(vertex))).join("L");
    const bottom = this.#area.height.toFixed(1);
    // A run of one sample is a dot: a line without length, with round ends.
    const line = runs.map((run) => `M${along(run, ({ mean }) => mean)}${run.length === 1 ? "h.01" : ""}`);
    const fill = runs.map((run) => `M${this.#x(run[0]?.t ?? 0).toFixed(1)} ${bottom}L${along(run, ({ mean }) => mean)}V${bottom}Z`);
    const band = runs.map((run) => `M${along(run, ({ most }) => most)}L${along([...run].reverse(), ({ least }) => least)}Z`);
    setAttributes(this.#line, { d: line.join("") });
    setAttributes(this.#fill, { d: fill.join("") });
    setAttributes(this.#band, { d: hasBand ? band.join("") : "" });
    setText(this.#empty, runs.length === 0 ? strings.chartEmpty : "");
  }

  #drawGrid(): void {
    const { left, top, width, height, rem } = this.#area;
    const lines = this.#axis.labels.map((label) => {
      const y = top + height * (1 - label / this.#axis.top);
      const isPlan = label === this.#axis.plan;
      const text = svg("text", { x: left - rem * 0.5, y: y + rem * 0.25, "text-anchor": "end" });
      text.textContent = strings.number(label, 0, 2);
      const line = svg("path", { class: isPlan ? "plan" : "rule", d: `M${left} ${y.toFixed(1)}h${width}`, fill: "none", stroke: "currentColor" });
      if (isPlan) setAttributes(line, { "stroke-dasharray": "2 4" });
      return svg("g", {}, line, text, ...(isPlan ? [this.#planName(y)] : []));
    });
    this.#grid.replaceChildren(...lines);
  }

  /** The plan's name in the margin, above its figure. */
  #planName(y: number): SVGTextElement {
    const name = svg("text", { x: this.#area.left - this.#area.rem * 0.5, y: y - this.#area.rem * 0.55, "text-anchor": "end", class: "plan-name" });
    name.textContent = strings.plan;
    return name;
  }

  /** The labels under the charts; a label that the right end would cut is left out. */
  #drawTimes(scene: Scene): void {
    if (this.#direction === "down") return;
    const { width, top, height, rem } = this.#area;
    const [seconds, inSeconds] = [scene.minutes * 60, scene.minutes === 1];
    const step = timeStep(seconds, width, (inSeconds ? APART.seconds : APART.minutes) * rem);
    const times = multiples(step, this.#origin / 1_000 - seconds, this.#origin / 1_000).map((at) => at * 1_000);
    const inSight = times.filter((t) => this.#x(t) <= -HALF_LABEL * rem);
    const labels = inSight.map((t) => {
      const text = svg("text", { x: this.#x(t).toFixed(1), y: top + height + rem * 1.3, "text-anchor": "middle" });
      text.textContent = inSeconds ? strings.timeWithSeconds(t) : strings.timeWithMinutes(t);
      return text;
    });
    this.#times.replaceChildren(...labels);
  }
}
