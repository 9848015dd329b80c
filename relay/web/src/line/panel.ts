// One chart as SVG, of a direction's rates or of the line's responses: axis, plan, line, band and cursor. Colours are style.css's, so that themes, printing and
// forced colours need nothing here. Keeps no samples and reads no clock.

import { part, setAttributes, setText, svg } from "../dom.ts";
import type { Direction, Rtt } from "../live/frame.ts";
import { strings } from "../words/en.ts";
import { multiples, type RateAxis, rateAxis, timeStep } from "./axis.ts";
import { columnWidth, type Run, runsOf, type Vertex } from "./columns.ts";
import type { Unit } from "./rate.ts";
import type { Zoom } from "./settings.ts";
import type { Point } from "./store.ts";

/** What a chart is of: rates in a direction, or responses. */
export type Series = Direction | "time";

/** The unit of responses, beside microseconds. */
const MILLISECONDS: Unit = { name: "ms", divisor: 1_000 };

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
const STEPS: Readonly<Record<Series, number>> = { down: 4, up: 2, time: 2 };

/** The height of the mark at the bottom for a lost probe, in pixels. */
const LOST = 9;
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

/** One chart. */
export class Panel {
  readonly host: HTMLElement;
  readonly #series: Series;
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
  readonly #lost = svg("path", { class: "lost", fill: "none", stroke: "currentColor", "stroke-width": 3 });
  readonly #cursor = svg("path", { class: "cursor", fill: "none", stroke: "currentColor" });
  readonly #dot = svg("circle", { class: "dot", r: 4 });
  readonly #empty = svg("text", { class: "empty", "text-anchor": "middle" });
  #scene: Scene | null = null;
  #divisor = 1;
  #axis: RateAxis = { top: 1, labels: [], plan: null };
  #area: Area = { left: 0, top: 0, width: 1, height: 1, rem: 16 };
  /** The right end of the drawing, and the right end in sight, Unix milliseconds. */
  #origin = 0;
  #edge = 0;

  constructor(host: ParentNode, series: Series) {
    const panel = part(host, panelOf(series));
    this.host = part(panel, ".plot");
    this.#unit = part(panel, ".axis-unit");
    this.#heading = strings.page[({ down: "download", up: "upload", time: "response" } as const)[series]];
    this.#series = series;
    if (series === "up") setAttributes(this.#line, { "stroke-dasharray": "7 4" });
    this.#moving.append(this.#band, this.#fill, this.#line, this.#lost, this.#cursor, this.#dot);
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
    const { points, direction, unit, plan, peak } = drawnOf(scene, this.#series);
    this.#divisor = unit.divisor;
    const steps = Math.max(1, Math.min(STEPS[this.#series], Math.floor(this.#area.height / this.#area.rem / STEP_HEIGHT)));
    this.#axis = rateAxis(peak / unit.divisor, plan === null ? null : plan / unit.divisor, scene.zoom, steps);
    setText(this.#unit, unit.name);
    setAttributes(this.#root, { "aria-label": strings.chart(this.#heading, unit.name) });
    this.#drawGrid();
    this.#drawTimes(scene);
    const width = columnWidth(scene.minutes, this.#area.width);
    this.#drawRuns(runsOf(points, direction, width), width !== null);
    this.#drawLost(scene.points);
    this.scroll(edge);
  }

  /** Forgets the drawing, as for another line. */
  clear(): void {
    this.#scene = null;
    for (const path of [this.#line, this.#fill, this.#band, this.#lost]) setAttributes(path, { d: "" });
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

  /** Marks an instant and the figure of its point, if there is one; no mark for null. */
  mark(at: { t: number; point: Point | null } | null): void {
    const x = at === null ? 0 : this.#x(at.t).toFixed(1);
    setAttributes(this.#cursor, { d: at === null ? "" : `M${x} 0V${this.#area.height}` });
    const figure = this.#series === "time" ? "rtt" : this.#series;
    const rate = at?.point?.[figure] ?? null;
    setAttributes(this.#dot, rate === null ? { visibility: "hidden" } : { visibility: "visible", cx: x, cy: this.#y(rate) });
  }

  /** Takes the host's size. */
  resize(): void {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
    const bottom = (this.#series === "down" ? MARGINS.bottom : MARGINS.times) * rem;
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

  /** Pixels from the area's top, for bits per second or microseconds. */
  #y(rate: number): string {
    const value = rate / this.#divisor;
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

  /** A mark at the bottom for each lost probe. */
  #drawLost(points: readonly Point[]): void {
    const lost = this.#series === "time" ? points.filter(({ rtt }) => rtt === null) : [];
    setAttributes(this.#lost, { d: lost.map(({ t }) => `M${this.#x(t).toFixed(1)} ${this.#area.height}v-${LOST}`).join("") });
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
    if (this.#series === "down") return;
    const { width, top, height, rem } = this.#area;
    const [seconds, inSeconds] = [scene.minutes * 60, scene.minutes === 1];
    const step = timeStep(seconds, width, (inSeconds ? APART.seconds : APART.minutes) * rem);
    // Hours and days begin where the reader's clock says so.
    const zone = new Date(this.#origin).getTimezoneOffset() * 60;
    const end = this.#origin / 1_000 - zone;
    const times = multiples(step, end - seconds, end).map((at) => (at + zone) * 1_000);
    const inSight = times.filter((t) => this.#x(t) <= -HALF_LABEL * rem);
    const labels = inSight.map((t) => {
      const text = svg("text", { x: this.#x(t).toFixed(1), y: top + height + rem * 1.3, "text-anchor": "middle" });
      text.textContent = inSeconds ? strings.timeWithSeconds(t) : step < 86_400 ? strings.timeWithMinutes(t) : strings.day(t);
      return text;
    });
    this.#times.replaceChildren(...labels);
  }
}

/** The selector of a chart's panel. */
export function panelOf(series: Series): string {
  return `.panel[data-direction=${series}]`;
}

/** What one chart draws of a scene. */
interface Drawn {
  points: readonly Point[];
  /** The direction whose figures are drawn. */
  direction: Direction;
  unit: Unit;
  plan: number | null;
  peak: number;
}

function drawnOf(scene: Scene, series: Series): Drawn {
  const { points, unit } = scene;
  if (series !== "time") return { points, direction: series, unit, plan: scene.plan[series], peak: scene.peaks[series] };
  // Responses stand in the place of download.
  const answers = points.flatMap((point) => (isAnswer(point.rtt) ? [{ ...point, down: point.rtt }] : []));
  const peak = answers.reduce((most, { down }) => Math.max(most, down), 0);
  return { points: answers, direction: "down", unit: MILLISECONDS, plan: null, peak };
}

function isAnswer(rtt: Rtt | undefined): rtt is number {
  return typeof rtt === "number";
}
