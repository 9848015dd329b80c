// From what the page knows to what it says: the pill, the sentence, and whether figures may be shown. A pure function; it
// draws nothing. The browser's own loss of connection is told apart from every state of the line.

import {
  LINE_FULL,
  LINK_EXPIRED,
  LINK_REFUSED,
  RELAY_FULL,
  TOO_MANY_FAILURES,
  VIEWER_PROTOCOL,
  VIEWER_TOO_FAST,
} from "../live/close.ts";
import type { Status } from "../live/frame.ts";
import type { Link } from "../live/link.ts";
import { gapLimit } from "./store.ts";
import { strings } from "../words/en.ts";
import type { Verdict } from "./verdict.ts";

/** A figure older than this is never shown as current, in milliseconds. */
export const OLDEST_FIGURE = 5_000;

/** The interval of a router that is not busy, in milliseconds. */
const USUAL_INTERVAL = 1_000;

/** All that a state is made of. */
export interface Known {
  link: Link;
  /** Whether the link was a token, and not a name. */
  byToken: boolean;
  /** The browser's word for having a network; `true` means little. */
  online: boolean;
  /** The newest status; null before the first snapshot. */
  status: Status | null;
  /** How old the newest sample is, in milliseconds; null without one. */
  age: number | null;
  verdict: Verdict | null;
  /** The relay's clock. */
  now: number;
}

/** How something looks: the pill's colour, or the sign beside the sentence. */
export type Tone = "good" | "busy" | "warn" | "bad" | "quiet";

/** What the page says. */
export interface Said {
  /** A name for tests and styles. */
  name: string;
  /** The pill's. */
  tone: Tone;
  /** The sentence's. */
  sign: Tone;
  pill: string;
  title: string;
  detail: string;
  /** Whether the newest figures are shown; a dash otherwise. */
  figures: boolean;
}

/** How old a figure may be and still be current, in milliseconds: a busy router's come seldom. */
export function oldestFigure(interval: number): number {
  return interval > USUAL_INTERVAL ? Math.max(OLDEST_FIGURE, gapLimit(interval)) : OLDEST_FIGURE;
}

/** Whether averages stand in for figures that the router does not give. */
export function onAverages(status: Status | null): boolean {
  return status?.notice === "averages";
}

/** Says what is known. */
export function say(known: Known): Said {
  const words = strings.state;
  switch (known.link.kind) {
    case "connecting":
      return known.link.after === null
        ? said("connecting", "quiet", words.connecting, hasFigures(known))
        : lost(known, known.link.after.code);
    case "lost":
      return lost(known, known.link.code);
    case "paused":
      return said("paused", "quiet", words.paused);
    case "ended":
      return ended(known.link.code, known.byToken);
    case "none":
      return said("none", "quiet", words.none);
    case "elsewhere":
      return said("elsewhere", "quiet", words.elsewhere);
    case "open":
      return known.status === null ? said("connecting", "quiet", words.connecting) : line(known, known.status);
  }
}

interface Words {
  pill: string;
  title: string;
  detail: string;
}

function said(name: string, tone: Tone, words: Words, figures = false): Said {
  return { name, tone, sign: tone, pill: words.pill, title: words.title, detail: words.detail, figures };
}

/** The relay answers: what it says of the line. */
function line(known: Known, status: Status): Said {
  const words = strings.state;
  switch (status.state) {
    case "running":
      return status.notice === "too_many_watched" && !isCurrent(known, status)
        ? said("waiting", "warn", { pill: words.running.pill, ...words.tooManyWatched })
        : running(known, status);
    case "stalled":
      return said("stalled", "warn", words.stalled);
    case "offline":
      return said("offline", "bad", {
        pill: words.offline.pill,
        title: words.offline.title(status.since, known.now),
        detail: words.offline.detail,
      });
    case "unreachable":
      return said("unreachable", "warn", {
        pill: words.unreachable.pill,
        title: words.unreachable.title(status.since, known.now),
        detail: words.unreachable.detail,
      });
    case "unknown":
      return said("unknown", "quiet", words.unknown);
    case "starting":
      return said("starting", "quiet", words.starting);
  }
}

function running(known: Known, status: Status): Said {
  const words = strings.state.running;
  if (!hasSample(known, status)) {
    return said("waiting", "good", { pill: words.pill, title: words.waitTitle, detail: words.waitDetail });
  }
  if (!isCurrent(known, status)) {
    return said("late", "warn", { pill: words.pill, title: words.lateTitle, detail: words.lateDetail });
  }
  const { verdict } = known;
  const title = verdict?.title ?? strings.verdict.noPlan;
  const meaning = verdict?.detail ?? strings.verdict.notASpeedTest;
  // Averages are not of right now.
  const ofNow = meaning === strings.verdict.notASpeedTest;
  const detail = [...(onAverages(status) && ofNow ? [] : [meaning]), ...remarks(status)].join(" ");
  const spoken = { pill: words.pill, title, detail };
  return { ...said(verdict?.kind ?? "running", "good", spoken, true), sign: signOf(verdict) };
}

/** What else is to be said of a running line. */
function remarks(status: Status): string[] {
  const words = strings.state.running;
  return [
    ...(onAverages(status) ? [words.averages(strings.seconds(status.interval))] : []),
    ...(status.interval > USUAL_INTERVAL && !onAverages(status) ? [words.busy(strings.everySeconds(status.interval))] : []),
    ...(status.sessions > 1 ? [words.sessions(status.sessions)] : []),
  ];
}

function signOf(verdict: Verdict | null): Tone {
  switch (verdict?.kind) {
    case "full":
      return "bad";
    case "busy":
      return "busy";
    default:
      return "good";
  }
}

/** Whether a line that ran when last heard of has figures that are still current. */
function hasFigures(known: Known): boolean {
  return known.status?.state === "running" && isCurrent(known, known.status);
}

/** Whether a sample came since the line runs: one from before it dropped says nothing of it now. */
function hasSample(known: Known, status: Status): boolean {
  return known.age !== null && (status.since === null || known.now - known.age >= status.since);
}

function isCurrent(known: Known, status: Status): boolean {
  return hasSample(known, status) && known.age !== null && known.age <= oldestFigure(status.interval);
}

/** The page itself has no connection; the line may be as well as ever. Figures stay for as long as they are current. */
function lost(known: Known, code: number): Said {
  const words = strings.state;
  if (code === LINE_FULL) return said("line_full", "warn", words.lineFull);
  if (code === RELAY_FULL) return said("relay_full", "warn", words.relayFull);
  if (code === TOO_MANY_FAILURES) return said("too_many_failures", "warn", words.tooManyFailures);
  const title = known.status === null ? words.lost.neverTitle : words.lost.title;
  const detail = known.online ? words.lost.detail : words.lost.offlineDetail;
  return said("lost", "warn", { pill: words.lost.pill, title, detail }, hasFigures(known));
}

/** The relay's last word on this link. */
function ended(code: number, byToken: boolean): Said {
  const words = strings.state;
  switch (code) {
    case LINK_EXPIRED:
      return said("expired", "bad", words.expired);
    case LINK_REFUSED:
      return byToken ? said("refused", "bad", words.refused) : said("name_refused", "bad", words.nameRefused);
    case VIEWER_TOO_FAST:
      return said("too_fast", "bad", words.tooFast);
    case VIEWER_PROTOCOL:
    default:
      return said("outdated", "bad", words.outdated);
  }
}
