// Where a chart's lines and labels go: pure arithmetic, no canvas.

import { scaleOf, type Scale, type Units } from "./rate.ts";

/** A plan whose limit is more than so many times the peak would press the line to the floor; it is named, not drawn. */
const PLAN_IN_SIGHT = 5;

/** Room above the highest line. */
const HEADROOM = 1.08;

/** A chart never shows less than this in bits per second, lest a router's chatter look like traffic. */
const LEAST_TOP = 100_000;

/** The steps between the time axis's labels, in seconds. */
const TIME_STEPS = [5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1_800];

/** A rate axis: its top and its step in bits per second, and the unit of its labels. */
export interface RateAxis {
  top: number;
  step: number;
  scale: Scale;
  /** Whether the plan's limit lies within. */
  showsPlan: boolean;
}

/** The axis that fits the window's peak, and the plan where that is in sight, with `most` steps at the most. */
export function rateAxis(peak: number, plan: number | null, units: Units, most: number): RateAxis {
  const showsPlan = plan !== null && plan <= Math.max(peak, LEAST_TOP) * PLAN_IN_SIGHT;
  const highest = Math.max(peak, showsPlan ? plan : 0, LEAST_TOP) * HEADROOM;
  const scale = scaleOf(highest, units);
  const step = niceStep(highest / scale.divisor, most) * scale.divisor;
  return { top: Math.ceil(highest / step - 1e-9) * step, step, scale, showsPlan };
}

/** The smallest of 1, 2, 2.5, 5 times a power of ten that reaches `highest` in `most` steps. */
function niceStep(highest: number, most: number): number {
  const power = 10 ** Math.floor(Math.log10(highest / most));
  const steps = [1, 2, 2.5, 5, 10].map((factor) => factor * power);
  return steps.find((step) => highest / step <= most * (1 + 1e-9)) ?? 10 * power;
}

/** The step between time labels so that they stand at least `apart` pixels from each other. */
export function timeStep(seconds: number, pixels: number, apart: number): number {
  const least = (seconds * apart) / Math.max(1, pixels);
  return TIME_STEPS.find((step) => step >= least) ?? Math.ceil(least / 1_800) * 1_800;
}

/** The multiples of a step from `from` to `to`. */
export function multiples(step: number, from: number, to: number): number[] {
  const found: number[] = [];
  for (let n = Math.ceil(from / step - 1e-9) || 0; n * step <= to * (1 + 1e-12); n += 1) found.push(n * step);
  return found;
}
