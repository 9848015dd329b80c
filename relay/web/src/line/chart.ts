// The two charts, download above upload, each with a rate axis of its own so that upload stays legible, and one time axis.
// Draws what it is given with uPlot; keeps no samples and reads no clock.

import uPlot from "uplot";
import { multiples, type RateAxis, rateAxis, timeStep } from "./axis.ts";
import { part, setText } from "../dom.ts";
import type { Direction, Plan } from "../live/frame.ts";
import type { Units } from "./rate.ts";
import { limitText } from "./rate.ts";
import type { Drawn } from "./store.ts";
import { strings } from "../words/en.ts";

/** What is drawn besides the samples. */
export interface Scene {
  plan: Plan;
  /** The window's highest rates, bits per second. */
  peaks: { down: number; up: number };
  units: Units;
  minutes: number;
}

/** CSS pixels. */
const LEFT = 44;
const RIGHT = 10;
const TIMES = 26;
const HEIGHTS = { down: 190, up: 110 + TIMES };
const FONT = 12;
const HALF_LINE = 8;
const HALF_LABEL = 30;
const LABELS_APART = { seconds: 74, minutes: 56 };

/** The most steps of a rate axis. */
const STEPS = { down: 5, up: 3 };

/** The dashes' pattern begins anew where the drawn line begins; it begins at full minutes, so that it stands still. */
const ANCHOR = 60;

interface Colours {
  line: string;
  area: string;
  coarse: string;
  coarseArea: string;
  rule: string;
  soft: string;
  plan: string;
  card: string;
}

/** The two charts. */
export class Chart {
  readonly #panels: readonly Panel[];
  #minutes = 1;
  #edge = 0;

  constructor(host: ParentNode) {
    this.#panels = [new Panel(host, "down"), new Panel(host, "up")];
    const observer = new ResizeObserver(() => this.#resize());
    for (const panel of this.#panels) observer.observe(panel.host);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
  }

  /** Takes new samples or another scene; `edge` is the right end in Unix milliseconds. */
  update(drawn: Drawn, scene: Scene, edge: number): void {
    this.#minutes = scene.minutes;
    this.#edge = edge;
    for (const panel of this.#panels) panel.update(drawn, scene, edge);
  }

  /** Moves the right end; draws only what moved by half a device's pixel or more. */
  scroll(edge: number): void {
    const plotted = (this.#panels[0]?.plotWidth ?? 1) * devicePixelRatio;
    const moved = ((edge - this.#edge) / (this.#minutes * 60_000)) * plotted;
    if (Math.abs(moved) < 0.5) return;
    this.#edge = edge;
    for (const panel of this.#panels) panel.scroll(edge);
  }

  /** Reads the colours again. */
  recolour(): void {
    for (const panel of this.#panels) panel.recolour();
  }

  #resize(): void {
    for (const panel of this.#panels) panel.resize();
  }
}

/** One direction's chart. */
class Panel {
  readonly host: HTMLElement;
  readonly #direction: Direction;
  readonly #unit: HTMLElement;
  readonly #plot: uPlot;
  #colours: Colours;
  #scene: Scene = { plan: { down: null, up: null }, peaks: { down: 0, up: 0 }, units: "bits", minutes: 1 };
  #axis: RateAxis;

  constructor(host: ParentNode, direction: Direction) {
    const panel = part(host, `.panel[data-direction=${direction}]`);
    this.host = part(panel, ".plot");
    this.#unit = part(panel, ".axis-unit");
    this.#direction = direction;
    this.#colours = readColours(direction);
    this.#axis = rateAxis(0, null, "bits", STEPS[direction]);
    this.#plot = new uPlot(this.#options(), [[], [], []], this.host);
  }

  /** The width of the plotted area in CSS pixels. */
  get plotWidth(): number {
    return Math.max(1, this.#plot.width - LEFT - RIGHT);
  }

  update(drawn: Drawn, scene: Scene, edge: number): void {
    const direction = this.#direction;
    this.#scene = scene;
    this.#axis = rateAxis(scene.peaks[direction], scene.plan[direction], scene.units, STEPS[direction]);
    setText(this.#unit, this.#axis.scale.unit);
    this.#plot.batch(() => {
      this.#plot.setData([drawn.t, drawn[direction], drawn.coarse[direction]], false);
      this.#plot.setScale("y", { min: 0, max: this.#axis.top });
      this.scroll(edge);
    });
  }

  scroll(edge: number): void {
    this.#plot.setScale("x", { min: edge / 1_000 - this.#scene.minutes * 60, max: edge / 1_000 });
  }

  recolour(): void {
    this.#colours = readColours(this.#direction);
    this.#plot.redraw(false, true);
  }

  resize(): void {
    const width = Math.floor(this.host.clientWidth);
    if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHTS[this.#direction] });
  }

  #options(): uPlot.Options {
    const direction = this.#direction;
    const font = `${FONT}px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif`;
    const linear = uPlot.paths.linear?.();
    return {
      width: Math.max(200, Math.floor(this.host.clientWidth)),
      height: HEIGHTS[direction],
      padding: [HALF_LINE, RIGHT, direction === "up" ? 0 : HALF_LINE, 0],
      pxAlign: 0,
      cursor: { show: false },
      legend: { show: false },
      scales: { x: { time: false, auto: false }, y: { auto: false } },
      series: [
        {},
        {
          stroke: () => this.#colours.line,
          fill: () => this.#colours.area,
          width: 2,
          pxAlign: 0,
          // A sample between two gaps makes no line.
          points: { show: true, size: 4, width: 0, fill: () => this.#colours.line, filter: (u) => alone(u.data[1] ?? []) },
          ...(direction === "up" ? { dash: [7, 4] } : {}),
          paths: (u, series, from, to) => linear?.(u, series, anchored(u, from), to) ?? null,
        },
        {
          stroke: () => this.#colours.coarse,
          fill: () => this.#colours.coarseArea,
          width: 1,
          pxAlign: 0,
          points: { show: false },
          paths: (u, series, from, to) => linear?.(u, series, from, to) ?? null,
        },
      ],
      axes: [
        {
          show: direction === "up",
          size: TIMES,
          font,
          stroke: () => this.#colours.soft,
          grid: { show: false },
          ticks: { show: false },
          splits: (_u, _axis, from, to) => multiples(this.#timeStep(), from, to),
          values: (u, splits) => splits.map((t) => this.#timeLabel(u, t)),
        },
        {
          size: LEFT,
          gap: 8,
          font,
          stroke: () => this.#colours.soft,
          grid: { stroke: () => this.#colours.rule, width: 1 },
          ticks: { show: false },
          splits: () => multiples(this.#axis.step, 0, this.#axis.top),
          values: (_u, splits) => splits.map((rate) => strings.number(rate / this.#axis.scale.divisor, 0, 2)),
        },
      ],
      hooks: { draw: [(u) => this.#drawPlan(u)] },
    };
  }

  #timeStep(): number {
    const apart = this.#scene.minutes === 1 ? LABELS_APART.seconds : LABELS_APART.minutes;
    return timeStep(this.#scene.minutes * 60, this.plotWidth, apart);
  }

  /** A label that the right end would cut is left out. */
  #timeLabel(u: uPlot, t: number): string {
    if (u.valToPos(t, "x") > this.plotWidth + RIGHT - HALF_LABEL) return "";
    return this.#scene.minutes === 1 ? strings.timeWithSeconds(t * 1_000) : strings.timeWithMinutes(t * 1_000);
  }

  /** The plan's limit as a line with its name, or its name alone where the limit is far above. */
  #drawPlan(u: uPlot): void {
    const limit = this.#scene.plan[this.#direction];
    if (limit === null) return;
    const { ctx, bbox } = u;
    const pixel = devicePixelRatio;
    const y = this.#axis.showsPlan ? u.valToPos(limit, "y", true) : bbox.top;
    ctx.save();
    if (this.#axis.showsPlan) {
      ctx.strokeStyle = this.#colours.plan;
      ctx.lineWidth = pixel;
      ctx.setLineDash([2 * pixel, 4 * pixel]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    const text = limitText(limit, this.#scene.units);
    const above = y - bbox.top > (FONT + 4) * pixel;
    this.#drawLabel(
      u,
      this.#axis.showsPlan ? strings.planLine(text) : strings.planAbove(text),
      y + (above ? -5 * pixel : (FONT + 2) * pixel),
    );
    ctx.restore();
  }

  /** A text at the right end that stays legible over the line. */
  #drawLabel(u: uPlot, text: string, y: number): void {
    const { ctx, bbox } = u;
    ctx.setLineDash([]);
    ctx.font = `${FONT * devicePixelRatio}px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif`;
    ctx.textAlign = "right";
    ctx.lineJoin = "round";
    ctx.lineWidth = 4 * devicePixelRatio;
    ctx.strokeStyle = this.#colours.card;
    ctx.strokeText(text, bbox.left + bbox.width, y);
    ctx.fillStyle = this.#colours.soft;
    ctx.fillText(text, bbox.left + bbox.width, y);
  }
}

/** The indices of the samples that have a gap on either side. */
function alone(samples: ArrayLike<number | null | undefined>): number[] {
  const known = (i: number): boolean => typeof samples[i] === "number";
  return Array.from(samples, (_, i) => i).filter((i) => known(i) && !known(i - 1) && !known(i + 1));
}

/** The index from which the line is drawn: the first sample of the minute that is cut by the left end. */
function anchored(u: uPlot, from: number): number {
  const times = u.data[0];
  const minute = Math.floor((times[from] ?? 0) / ANCHOR) * ANCHOR;
  let index = from;
  while (index > 0 && (times[index - 1] ?? 0) >= minute) index -= 1;
  return index;
}

function readColours(direction: Direction): Colours {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  return {
    line: colour(`--${direction}`),
    area: colour(`--${direction}-area`),
    coarse: colour(`--${direction}-coarse`),
    coarseArea: colour(`--${direction}-coarse-area`),
    rule: colour("--rule"),
    soft: colour("--soft"),
    plan: colour("--plan"),
    card: colour("--card"),
  };
}
