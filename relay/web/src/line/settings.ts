// The reader's choices, kept in the browser's storage if the browser allows storage. Nothing here names the line.

import type { Units } from "./rate.ts";

/** The windows of the charts, in minutes. Samples and averages reach back for two hours, and the days behind the line further. */
export const WINDOWS = [1, 5, 15, 120, 1_440, 10_080] as const;

/** The top of the rate axes: the plan, or the window's highest rate. */
export type Zoom = "plan" | "peak";

/** The reader's choices. */
export interface Settings {
  minutes: (typeof WINDOWS)[number];
  units: Units;
  zoom: Zoom;
}

const KEY = "linelight";

/** Returns the kept choices; without any: one minute, Mbps, up to the plan. */
export function loadSettings(storage: () => Storage): Settings {
  const kept = read(storage);
  return {
    minutes: WINDOWS.find((minutes) => minutes === kept["minutes"]) ?? 1,
    units: kept["units"] === "bytes" ? "bytes" : "bits",
    zoom: kept["zoom"] === "peak" ? "peak" : "plan",
  };
}

/** Keeps the choices; a browser without storage forgets them with the page. */
export function saveSettings(storage: () => Storage, settings: Settings): void {
  try {
    storage().setItem(KEY, JSON.stringify(settings));
  } catch {
    // Private windows and blocked cookies throw.
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
