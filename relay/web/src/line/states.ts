// From the page's knowledge to its state: a value without words, and whether figures may be shown. A pure function. The
// browser's own loss of connection is told apart from every state of the line.

import {
  LINE_FULL,
  LINK_EXPIRED,
  LINK_REFUSED,
  OPENED_ELSEWHERE,
  RELAY_FULL,
  TOO_MANY_FAILURES,
  TOO_MANY_UNKNOWN,
  VIEWER_TOO_FAST,
} from "../live/close.ts";
import type { Status } from "../live/frame.ts";
import type { Link, Lost } from "../live/link.ts";
import { gapLimit } from "./store.ts";
import type { Verdict } from "./verdict.ts";
import type { Finding } from "./why.ts";

/** An older figure is never shown as current, in milliseconds. */
export const OLDEST_FIGURE = 5_000;

/** The interval of a router that is not busy, in milliseconds. */
export const USUAL_INTERVAL = 1_000;

/** Everything that a state is made of. */
export interface Known {
  link: Link;
  /** The address holds a token, and not a name. */
  byToken: boolean;
  /** The browser's word for a network; `true` means little. */
  online: boolean;
  /** The newest status; null before the first snapshot. */
  status: Status | null;
  /** The age of the newest sample, in milliseconds; null without one. */
  age: number | null;
  verdict: Verdict | null;
  /** The reason for it, where responses know one. */
  finding: Finding | null;
  /** The relay's clock, in Unix milliseconds. */
  now: number;
  /** The browser's wall clock, in Unix milliseconds. */
  wall: number;
}

/** Why there is no connection. */
export type LossReason = "network" | "line_full" | "relay_full" | "too_many_failures" | "too_many_unknown";

/** A link, address or page that will not work by itself. */
export type DeadEnd = "expired" | "refused" | "cut" | "name_refused" | "outdated" | "too_fast" | "opened_elsewhere" | "none" | "elsewhere";

/** The page's state. Instants are Unix milliseconds by the relay's clock. */
export type State =
  | { kind: "connecting" | "paused" }
  /** `retryIn` is the time to the next attempt in seconds; null while an attempt is under way. */
  | { kind: "lost"; reason: LossReason; retryIn: number | null; seen: boolean; online: boolean }
  | { kind: DeadEnd }
  | { kind: "offline" | "unreachable" | "out_of_touch"; since: number | null }
  | { kind: "stalled" | "unknown" | "starting" }
  /** The session is up, and its figures are missing. */
  | { kind: "waiting" | "late" | "too_many_watched" | "router_refuses" }
  /** `averages` is the span of averages in place of live figures, in milliseconds. */
  | { kind: "running"; verdict: Verdict | null; finding: Finding | null; averages: number | null };

/** A state, and whether the newest figures are current; dashes are shown otherwise. */
export interface Assessed {
  state: State;
  figures: boolean;
}

/** Returns the age up to which a figure is current, in milliseconds: the figures of a busy router come seldom. */
export function oldestFigure(interval: number): number {
  return interval > USUAL_INTERVAL ? Math.max(OLDEST_FIGURE, gapLimit(interval)) : OLDEST_FIGURE;
}

/** True if averages stand in for figures that the router does not give. */
export function onAverages(status: Status | null): boolean {
  return status?.notice === "averages";
}

/** Returns the state that follows from the page's knowledge. */
export function assess(known: Known): Assessed {
  const { link, status } = known;
  switch (link.kind) {
    case "connecting":
      return link.after === null ? connecting(known) : lost(known, link.after, null);
    case "lost":
      return lost(known, link, Math.max(1, Math.ceil((link.retryAt - known.wall) / 1_000)));
    case "paused":
      return { state: { kind: "paused" }, figures: false };
    case "ended":
      return { state: { kind: deadEnd(link.code, known.byToken) }, figures: false };
    case "none":
    case "elsewhere":
    case "cut":
      return { state: { kind: link.kind }, figures: false };
    case "open":
      return status === null ? { state: { kind: "connecting" }, figures: false } : line(known, status);
  }
}

function connecting(known: Known): Assessed {
  return { state: { kind: "connecting" }, figures: hasFigures(known) };
}

/** The relay answers: the state of the line. */
function line(known: Known, status: Status): Assessed {
  switch (status.state) {
    case "running":
      return running(known, status);
    case "offline":
    case "unreachable": {
      const isOutOfTouch = status.state === "unreachable" && status.notice === "out_of_touch";
      return { state: { kind: isOutOfTouch ? "out_of_touch" : status.state, since: status.since }, figures: false };
    }
    default:
      return { state: { kind: status.state }, figures: false };
  }
}

function running(known: Known, status: Status): Assessed {
  const { verdict, finding } = known;
  const averages = onAverages(status) ? status.interval : null;
  if (isCurrent(known, status)) return { state: { kind: "running", verdict, finding, averages }, figures: true };
  if (status.notice === "too_many_watched") return { state: { kind: "too_many_watched" }, figures: false };
  if (status.notice === "router_refuses") return { state: { kind: "router_refuses" }, figures: false };
  if (hasSample(known, status)) return { state: { kind: "late" }, figures: false };
  // Averages from before the first sample give a verdict at once.
  if (verdict !== null && verdict.kind !== "gathering") return { state: { kind: "running", verdict, finding: null, averages }, figures: false };
  return { state: { kind: "waiting" }, figures: false };
}

/** True if a line that ran when last heard of has figures that are still current. */
function hasFigures(known: Known): boolean {
  return known.status?.state === "running" && isCurrent(known, known.status);
}

/** True if a sample came since the line runs: a sample from before a drop says nothing of the line now. */
function hasSample(known: Known, status: Status): boolean {
  return known.age !== null && (status.since === null || known.now - known.age >= status.since);
}

function isCurrent(known: Known, status: Status): boolean {
  return hasSample(known, status) && known.age !== null && known.age <= oldestFigure(status.interval);
}

/** The page has no connection; the line may be as well as ever. Figures stay for as long as they are current. */
function lost(known: Known, link: Lost, retryIn: number | null): Assessed {
  const reason = lossReason(link.code);
  const state: State = { kind: "lost", reason, retryIn, seen: known.status !== null, online: known.online };
  return { state, figures: reason === "network" && hasFigures(known) };
}

function lossReason(code: number): LossReason {
  switch (code) {
    case LINE_FULL:
      return "line_full";
    case RELAY_FULL:
      return "relay_full";
    case TOO_MANY_FAILURES:
      return "too_many_failures";
    case TOO_MANY_UNKNOWN:
      return "too_many_unknown";
    default:
      return "network";
  }
}

/** The relay's last word on a link. */
function deadEnd(code: number, byToken: boolean): DeadEnd {
  switch (code) {
    case LINK_EXPIRED:
      return "expired";
    case LINK_REFUSED:
      return byToken ? "refused" : "name_refused";
    case VIEWER_TOO_FAST:
      return "too_fast";
    case OPENED_ELSEWHERE:
      return "opened_elsewhere";
    default:
      return "outdated";
  }
}
