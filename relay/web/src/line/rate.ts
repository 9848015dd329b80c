// Rates for people: bits per second in, figures in one unit out. 1 Mbps is 1,000,000 bit/s, never 1,048,576.

import type { Plan } from "../live/frame.ts";
import { strings } from "../words/en.ts";

/** The reader's choice between bits and bytes. */
export type Units = "bits" | "bytes";

/** A line's unit: the same for figures, axes, sentences and the table. */
export interface Unit {
  name: string;
  /** Bits per second of one unit. */
  divisor: number;
}

/** From small to large. */
const UNITS: Readonly<Record<Units, readonly [Unit, Unit, Unit]>> = {
  bits: [
    { name: "kbps", divisor: 1e3 },
    { name: "Mbps", divisor: 1e6 },
    { name: "Gbps", divisor: 1e9 },
  ],
  bytes: [
    { name: "kB/s", divisor: 8e3 },
    { name: "MB/s", divisor: 8e6 },
    { name: "GB/s", divisor: 8e9 },
  ],
};

const KILO = 0;
const MEGA = 1;
const GIGA = 2;

/** The largest figures in one unit: three digits, or four beside a plan of three. */
const LARGEST = { planKnown: 9_999.5, planUnknown: 999.5 };

/**
 * Returns the unit of a line by its plan: kbps below 1 Mbps, Gbps above 1 Gbps, Mbps otherwise. `highest` is the highest
 * rate that the line has shown, in bits per second; a figure too long for the plan's unit moves the line to a larger one.
 */
export function unitOf(plan: Plan, highest: number, units: Units): Unit {
  const known = plan.down !== null && plan.up !== null;
  const largest = known ? LARGEST.planKnown : LARGEST.planUnknown;
  const fitting = UNITS[units].slice(planSize(plan, known));
  return fitting.find(({ divisor }) => highest / divisor < largest) ?? UNITS[units][GIGA];
}

function planSize(plan: Plan, known: boolean): number {
  const limit = Math.max(plan.down ?? 0, plan.up ?? 0);
  if (known && limit < 1e6) return KILO;
  return limit > 1e9 ? GIGA : MEGA;
}

/** A live figure of three digits and at most two decimals: `0.42`, `18.9`, `181`. */
export function figureOf(bitsPerSecond: number, unit: Unit): string {
  const value = bitsPerSecond / unit.divisor;
  if (value > 0 && value < 0.005) return strings.underHundredth;
  const decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return strings.number(value, decimals, decimals);
}

/** A live figure with its unit; a dash for null. */
export function rateText(bitsPerSecond: number | null, unit: Unit): string {
  return bitsPerSecond === null ? strings.dash : strings.rate(figureOf(bitsPerSecond, unit), unit.name);
}

/** A limit without needless decimals: `50 Mbps`, `2.5 Mbps`. */
export function limitText(limit: number, unit: Unit): string {
  return strings.rate(strings.number(limit / unit.divisor, 0, 2), unit.name);
}

/** `19.8 of 20 Mbps`; `19.8 Mbps` without a plan. */
export function shareText(bitsPerSecond: number, limit: number | null, unit: Unit): string {
  if (limit === null) return rateText(bitsPerSecond, unit);
  return strings.share(figureOf(bitsPerSecond, unit), limitText(limit, unit));
}
