// The places of a chart's lines and labels. Pure arithmetic, no drawing.

import type { Zoom } from "./settings.ts";

/** Room above the highest rate of an axis that follows the rates. */
const HEADROOM = 1.05;

/** The least top of an axis, in the line's unit, so that the chatter of a router does not look like traffic. */
const LEAST_TOP = 0.25;

/** The steps between the labels of the time axis, in seconds. */
const TIME_STEPS = [5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 43_200, 86_400, 172_800];

/** A rate axis in a line's unit, from 0 to `top`. */
export interface RateAxis {
  top: number;
  labels: readonly number[];
  /** The plan's limit if the axis reaches the limit. */
  plan: number | null;
}

/**
 * Returns the axis from 0 to the plan, with at most `most` steps. A higher peak, an unknown plan, or the choice to zoom
 * makes the axis follow the peak. `peak` and `plan` are in the line's unit.
 */
export function rateAxis(peak: number, plan: number | null, zoom: Zoom, most: number): RateAxis {
  if (plan !== null && zoom === "plan" && peak <= plan * HEADROOM) return planAxis(Math.max(plan, peak), plan, most);
  const highest = Math.max(peak * HEADROOM, LEAST_TOP);
  const step = niceStep(highest, most);
  const top = Math.ceil(highest / step - 1e-9) * step;
  const shown = plan !== null && plan <= top ? plan : null;
  return { top, labels: withoutNeighbours(multiples(step, 0, top), shown, step), plan: shown };
}

/** An axis that ends at the plan: the plan is its highest label. */
function planAxis(top: number, plan: number, most: number): RateAxis {
  const step = niceStep(plan, most);
  return { top, labels: withoutNeighbours(multiples(step, 0, plan), plan, step), plan };
}

/** The labels with the plan's in place of any label too close to the plan. */
function withoutNeighbours(labels: readonly number[], plan: number | null, step: number): number[] {
  if (plan === null) return [...labels];
  return [...labels.filter((label) => Math.abs(label - plan) >= step * 0.6), plan].sort((one, other) => one - other);
}

/** The smallest of 1, 2, 2.5, 5 times a power of ten that reaches `highest` in `most` steps. */
function niceStep(highest: number, most: number): number {
  const power = 10 ** Math.floor(Math.log10(highest / most));
  const steps = [1, 2, 2.5, 5, 10].map((factor) => factor * power);
  return steps.find((step) => highest / step <= most * (1 + 1e-9)) ?? 10 * power;
}

/** Returns the step between time labels, in seconds, for labels at least `apart` pixels from each other. */
export function timeStep(seconds: number, pixels: number, apart: number): number {
  const least = (seconds * apart) / Math.max(1, pixels);
  return TIME_STEPS.find((step) => step >= least) ?? Math.ceil(least / 1_800) * 1_800;
}

/** Returns the multiples of a step from `from` to `to`. */
export function multiples(step: number, from: number, to: number): number[] {
  const found: number[] = [];
  for (let n = Math.ceil(from / step - 1e-9) || 0; n * step <= to * (1 + 1e-12); n += 1) found.push(n * step);
  return found;
}
