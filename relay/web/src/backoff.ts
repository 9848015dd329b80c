// How long to wait before the next attempt. Pure: chance is an argument.

import type { Retry } from "./close.ts";

/** The first attempt's longest wait, and the longest of all, in milliseconds. */
const BASE = 1_000;
const LONGEST = 30_000;

/** The share by which a wait that the relay asked for may grow, so that its viewers do not come back all at once. */
const SPREAD = 0.5;

/** The wait in milliseconds after `failures` attempts in a row; null for none. `chance` lies in [0, 1). */
export function waitBefore(retry: Retry, failures: number, chance: number): number | null {
  if (retry === "never") return null;
  if (retry === "back_off") return chance * Math.min(LONGEST, BASE * 2 ** Math.min(failures, 16));
  return retry * 1_000 * (1 + SPREAD * chance);
}
