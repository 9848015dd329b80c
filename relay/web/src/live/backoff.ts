// The wait before the next attempt. Pure: chance is an argument.

import type { Retry } from "./close.ts";

/** The longest of the first waits, and the longest of all, in milliseconds. */
const BASE = 1_000;
const LONGEST = 30_000;

/** A wait asked for by the relay grows by up to this share, so that the relay's viewers do not come back all at once. */
const SPREAD = 0.5;

/**
 * Returns the wait in milliseconds after earlier waits of `waited` in all; null for no further attempt. `chance` lies in
 * [0, 1). A wait is never longer than the earlier ones together: after a short loss the page is back in a moment.
 */
export function waitBefore(retry: Retry, waited: number, chance: number): number | null {
  if (retry === "never") return null;
  if (retry === "back_off") return chance * Math.min(LONGEST, Math.max(BASE, waited));
  return retry * 1_000 * (1 + SPREAD * chance);
}
