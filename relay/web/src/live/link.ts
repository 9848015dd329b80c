// How the page stands with the relay: a value that the connection tells and the line's page puts into words.

/** Trying again later, after the relay's close code. */
export interface Lost {
  kind: "lost";
  code: number;
}

/** How the page stands with the relay. */
export type Link =
  /** `after` is the loss that it follows; null at the start, or because the reader wants it. */
  | { kind: "connecting"; after: Lost | null }
  | { kind: "open" }
  | Lost
  /** Let go on purpose while the page was hidden. */
  | { kind: "paused" }
  /** Not coming back by itself. */
  | { kind: "ended"; code: number }
  /** The address names no line. */
  | { kind: "none" }
  | { kind: "elsewhere" };
