// How long to wait before the next attempt. Pure: chance is an argument.

import type { Retry } from "./close.ts";

/** The longest of the first waits, and the longest of all, in milliseconds. */
const BASE = 1_000;
const LONGEST = 30_000;

/** The share by which a wait that the relay asked for may grow, so that its viewers do not come back all at once. */
const SPREAD = 0.5;

/**
 * The wait in milliseconds, after `waited` since a connection last lasted; null for none. `chance` lies in [0, 1). It is never longer
 * than what was waited already: who was away for a moment is back in a moment.
 */
export function waitBefore(retry: Retry, waited: number, chance: number): number | null {
  if (retry === "never") return null;
  if (retry === "back_off") return chance * Math.min(LONGEST, Math.max(BASE, waited));
  return retry * 1_000 * (1 + SPREAD * chance);
}
