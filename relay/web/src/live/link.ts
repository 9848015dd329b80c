// The page's connection with the relay as a value: the connection tells it, and the line's page puts it into words.

import type { Request } from "./address.ts";
import { LINK_REFUSED } from "./close.ts";

/** No connection; the next attempt follows. */
export interface Lost {
  kind: "lost";
  /** The relay's close code. */
  code: number;
  /** When the next attempt begins, in milliseconds of the browser's wall clock. */
  retryAt: number;
}

/** The state of the connection. */
export type Link =
  /** `after` is the loss before the attempt; null for the first attempt, and for one that the reader asked for. */
  | { kind: "connecting"; after: Lost | null }
  | { kind: "open" }
  | Lost
  /** Closed on purpose while the page was hidden. */
  | { kind: "paused" }
  /** Final, until the reader asks. */
  | { kind: "ended"; code: number }
  /** The address names no line. */
  | { kind: "none" }
  | { kind: "elsewhere" }
  /** The address holds a part of a token. */
  | { kind: "cut" };

/** Returns the state of a page whose address names no line. */
export function linkWithout(kind: Exclude<Request["kind"], "watch">): Link {
  return kind === "too_long" ? { kind: "ended", code: LINK_REFUSED } : { kind };
}
