// How a line answers: from the probes of the last forty seconds to one value, and whether the line answers as usual. A pure
// function; responses are microseconds.

import { type Point, summariseResponses } from "./store.ts";

/** The probes that tell how the line answers now. One late answer among them changes nothing. */
const PRESENT = 9;

/** Fewer answers than this tell nothing. */
const LEAST = 3;

/** A response has grown from so many times the quiet one on, and by so many microseconds at least. */
const GROWN = 2;
const LEAST_GROWN = 50_000;

/** Loss is told from a share above this, and from so many lost probes on. */
const LOSS = 0.02;
const LEAST_LOST = 2;

/** This device is slow from so many microseconds on, and where it needs so many more than the line. */
const SLOW_DEVICE = 150_000;
const SLOWER_DEVICE = 100_000;

/** How the line answers. */
export interface Answers {
  /** The median of the newest answers; null without enough of them. */
  typical: number | null;
  /** The response while little is in use; null while not known. */
  quiet: number | null;
  lost: number;
  probes: number;
}

/** Returns how the line answered the probes of some points, as of the newest `present`; null without a probe. */
export function answersOf(points: readonly Point[], quiet: number | null, present = PRESENT): Answers | null {
  const probed = points.filter((point) => point.rtt !== undefined);
  if (probed.length === 0) return null;
  return { typical: median(probed.slice(-present)), quiet, lost: probed.filter(({ rtt }) => rtt === null).length, probes: probed.length };
}

/** The response from which the line answers slowly; null while the quiet one is not known. */
export function slowFrom({ quiet }: Answers): number | null {
  return quiet === null ? null : Math.max(GROWN * quiet, quiet + LEAST_GROWN);
}

/** True if the line answers slowly: only beside a known quiet response. */
export function isSlow(answers: Answers): boolean {
  const from = slowFrom(answers);
  return from !== null && answers.typical !== null && answers.typical >= from;
}

/** True if more probes are lost than chance explains. */
export function isLossy({ lost, probes }: Answers): boolean {
  return lost >= LEAST_LOST && lost > LOSS * probes;
}

/** True if the line is known to answer as it does while quiet. */
export function isPrompt(answers: Answers): boolean {
  return answers.quiet !== null && answers.typical !== null && !isSlow(answers) && !isLossy(answers);
}

/** The response of this page from which the device is slow, beside a line that answers in `typical`. */
export function deviceSlowFrom(typical: number): number {
  return Math.max(SLOW_DEVICE, typical + SLOWER_DEVICE);
}

function median(points: readonly Point[]): number | null {
  const isEnough = points.filter(({ rtt }) => typeof rtt === "number").length >= LEAST;
  return isEnough ? (summariseResponses(points)?.average ?? null) : null;
}
