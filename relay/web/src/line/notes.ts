// The small print under the charts: averages among the figures, the begin of the figures, a busy router, several sessions.

import type { Status } from "../live/frame.ts";
import { strings } from "../words/en.ts";
import { onAverages, USUAL_INTERVAL } from "./states.ts";
import { timeOf } from "./reading.ts";
import type { Point } from "./store.ts";

/** A window without figures at its begin is worth a note from this share of the window on. */
const WORTH_SAYING = 0.05;

/** Returns the note for the points of a window that begins at `from` and lasts `minutes`. */
export function noteOf(points: readonly Point[], status: Status | null, from: number, minutes: number): string {
  const words = strings.note;
  const newest = [...points].reverse().find((point) => point.coarse);
  const notes = [
    ...(newest === undefined ? [] : [ofAverages(newest, points)]),
    ...beginOf(points, from, minutes),
    ...(isBusy(status) ? [words.everySeconds(strings.seconds(status.interval))] : []),
    ...(status !== null && status.sessions > 1 ? [words.sessions(status.sessions)] : []),
    ...(status?.response === "silent" ? [words.silent] : []),
  ];
  return notes.join(" ");
}

function ofAverages(newest: Point, points: readonly Point[]): string {
  const over = strings.seconds(newest.span ?? newest.interval);
  const isAll = points.every((point) => point.coarse);
  return isAll ? strings.note.averages(over) : strings.note.averagesUntil(strings.timeWithSeconds(newest.t), over);
}

function beginOf(points: readonly Point[], from: number, minutes: number): string[] {
  const first = points[0];
  if (first === undefined) return [];
  const begin = first.t - first.interval;
  return begin - from > WORTH_SAYING * minutes * 60_000 ? [strings.note.begins(timeOf(begin, minutes))] : [];
}

function isBusy(status: Status | null): status is Status {
  return status !== null && status.state === "running" && status.interval > USUAL_INTERVAL && !onAverages(status);
}
