// Rates for people: bits per second in, a figure and its unit out. 1 Mbps is 1,000,000 bit/s, never 1,048,576.

import { strings } from "../words/en.ts";

/** What the reader chose. */
export type Units = "bits" | "bytes";

/** A unit and how many bits per second one of it is. */
export interface Scale {
  unit: string;
  divisor: number;
  /** The decimals of a live figure in this unit. */
  decimals: number;
}

/** A figure and its unit, apart because they are drawn apart. */
export interface Figure {
  figure: string;
  unit: string;
}

/** From small to large. */
const SCALES: Readonly<Record<Units, readonly [Scale, Scale, Scale]>> = {
  bits: [
    { unit: "kbps", divisor: 1e3, decimals: 0 },
    { unit: "Mbps", divisor: 1e6, decimals: 2 },
    { unit: "Gbps", divisor: 1e9, decimals: 2 },
  ],
  bytes: [
    { unit: "kB/s", divisor: 8e3, decimals: 0 },
    { unit: "MB/s", divisor: 8e6, decimals: 2 },
    { unit: "GB/s", divisor: 8e9, decimals: 2 },
  ],
};

/** The unit in which a rate is written: the smallest that does not need a figure of 1,000. */
export function scaleOf(bitsPerSecond: number, units: Units): Scale {
  const [kilo, mega, giga] = SCALES[units];
  return [kilo, mega].find((scale) => rounded(bitsPerSecond, scale) < 1_000) ?? giga;
}

/** A live figure: 14,780,000 is `14.78` `Mbps`. */
export function figureOf(bitsPerSecond: number, units: Units): Figure {
  const scale = scaleOf(bitsPerSecond, units);
  const unit = scale.unit;
  // A little is not nothing.
  if (bitsPerSecond > 0 && rounded(bitsPerSecond, scale) === 0) return { figure: strings.underOne, unit };
  return { figure: strings.number(bitsPerSecond / scale.divisor, scale.decimals), unit };
}

/** The same as one text; null is a dash. */
export function rateText(bitsPerSecond: number | null, units: Units): string {
  if (bitsPerSecond === null) return strings.dash;
  const { figure, unit } = figureOf(bitsPerSecond, units);
  return strings.rate(figure, unit);
}

/** A limit without needless decimals: `50 Mbps`, `2.5 Mbps`. */
export function limitText(limit: number, units: Units): string {
  const scale = scaleOf(limit, units);
  return strings.rate(strings.number(limit / scale.divisor, 0, 2), scale.unit);
}

/** `48.7 of 50 Mbps`: the amount in the limit's unit, to three digits or two decimals. */
export function shareText(bitsPerSecond: number, limit: number, units: Units): string {
  const amount = bitsPerSecond / scaleOf(limit, units).divisor;
  return strings.share(strings.number(amount, amount < 10 ? 2 : 1), limitText(limit, units));
}

function rounded(bitsPerSecond: number, scale: Scale): number {
  const power = 10 ** scale.decimals;
  return Math.round((bitsPerSecond / scale.divisor) * power) / power;
}
