// What the reader chose, kept in this browser where it allows that. Nothing here says whose line it is.

import type { Units } from "./rate.ts";

/** The windows that the chart can show, in minutes; the longest is as far as averages go back. */
export const WINDOWS = [1, 5, 15, 120] as const;

/** The reader's choices. */
export interface Settings {
  minutes: (typeof WINDOWS)[number];
  units: Units;
}

const KEY = "linelight";

/** What was kept, or the usual: one minute, Mbps. */
export function loadSettings(storage: () => Storage): Settings {
  const kept = read(storage);
  return {
    minutes: WINDOWS.find((minutes) => minutes === kept["minutes"]) ?? 1,
    units: kept["units"] === "bytes" ? "bytes" : "bits",
  };
}

/** Keeps the choices; a browser that refuses forgets them. */
export function saveSettings(storage: () => Storage, settings: Settings): void {
  try {
    storage().setItem(KEY, JSON.stringify(settings));
  } catch {
    // Private windows and blocked cookies throw: the choice then lasts as long as the page.
  }
}

function read(storage: () => Storage): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(storage().getItem(KEY) ?? "{}");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
