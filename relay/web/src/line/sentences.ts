// From a state to words: the pill, the sentence, their colour and shape. Pill and sentence always say the same. No state
// is red: red is the upload's colour.

import { strings } from "../words/en.ts";
import { limitText, type Unit } from "./rate.ts";
import { type Answers, isLossy, isSlow } from "./response.ts";
import type { LossReason, State } from "./states.ts";
import type { Verdict } from "./verdict.ts";
import type { Finding } from "./why.ts";

/** The colour of a state: green for well, amber for a fault or a full line, grey for anything not known. */
export type Tone = "good" | "warn" | "quiet";

/** The shape beside a state's word, so that nothing depends on colour. */
export type Shape = "disc" | "square" | "triangle" | "diamond" | "ring";

/** The sign beside the sentence: dots for a moment's patience. */
export type Sign = "tick" | "mark" | "dots";

/** The words of a state. */
export interface Said {
  /** A name for tests and styles. */
  name: string;
  tone: Tone;
  shape: Shape;
  sign: Sign;
  pill: string;
  title: string;
  detail: string;
}

/** Returns the words of a state. `now` is the relay's clock in Unix milliseconds. */
export function tell(state: State, unit: Unit, now: number): Said {
  const words = strings.state;
  switch (state.kind) {
    case "lost":
      return lost(state);
    case "offline":
      return { name: "offline", tone: "warn", shape: "square", sign: "mark", ...words.offline, title: words.offline.title(state.since, now) };
    case "unreachable":
      return { name: "unreachable", tone: "warn", shape: "triangle", sign: "mark", ...words.unreachable, title: words.unreachable.title(state.since, now) };
    case "out_of_touch":
      return { name: "unreachable", tone: "warn", shape: "triangle", sign: "mark", ...words.unreachable, detail: words.outOfTouch, title: words.unreachable.title(state.since, now) };
    case "stalled":
      return noFigures("stalled", words.stalled);
    case "late":
      return noFigures("late", words.late);
    case "too_many_watched":
      return noFigures("waiting", words.tooManyWatched);
    case "router_refuses":
      return noFigures("waiting", words.routerRefuses);
    case "waiting":
      return { name: "waiting", tone: "quiet", shape: "ring", sign: "dots", pill: strings.pill.running, ...words.waiting };
    case "running":
      return running(state, unit);
    default:
      return plain(state.kind);
  }
}

/** The states whose words are always the same. */
type Plain = Exclude<State["kind"], "lost" | "offline" | "unreachable" | "out_of_touch" | "stalled" | "late" | "too_many_watched" | "router_refuses" | "waiting" | "running">;

const PLAIN: Readonly<Record<Plain, [Tone, Sign, Words]>> = {
  connecting: ["quiet", "dots", strings.state.connecting],
  paused: ["quiet", "dots", strings.state.paused],
  unknown: ["quiet", "mark", strings.state.unknown],
  starting: ["quiet", "dots", strings.state.starting],
  expired: ["warn", "mark", strings.state.expired],
  refused: ["warn", "mark", strings.state.refused],
  cut: ["warn", "mark", strings.state.cut],
  name_refused: ["warn", "mark", strings.state.nameRefused],
  outdated: ["warn", "mark", strings.state.outdated],
  too_fast: ["warn", "mark", strings.state.tooFast],
  opened_elsewhere: ["quiet", "mark", strings.state.openedElsewhere],
  none: ["quiet", "mark", strings.state.none],
  elsewhere: ["quiet", "mark", strings.state.elsewhere],
};

interface Words {
  pill: string;
  title: string;
  detail: string;
}

function plain(kind: Plain): Said {
  const [tone, sign, words] = PLAIN[kind];
  return { name: kind, tone, sign, shape: "ring", ...words };
}

function noFigures(name: string, words: { title: string; detail: string }): Said {
  return { name, tone: "warn", shape: "ring", sign: "mark", pill: strings.pill.noFigures, ...words };
}

function lost(state: Extract<State, { kind: "lost" }>): Said {
  const words = strings.state;
  const look = { tone: "warn", shape: "ring", sign: "mark" } as const;
  if (state.reason === "network") {
    const { pill, title, neverTitle, detail, offlineDetail } = words.lost;
    const said = { pill, title: state.seen ? title : neverTitle, detail: (state.online ? detail : offlineDetail)(state.retryIn) };
    return { name: "lost", ...look, ...said };
  }
  const refused = {
    line_full: words.lineFull,
    relay_full: words.relayFull,
    too_many_failures: words.tooManyFailures,
    too_many_unknown: words.tooManyUnknown,
  };
  const { pill, title, detail } = refused[state.reason satisfies Exclude<LossReason, "network">];
  return { name: state.reason, ...look, pill, title, detail: detail(state.retryIn) };
}

/** A line with figures, or with a verdict from averages. */
function running({ verdict, finding, averages }: Extract<State, { kind: "running" }>, unit: Unit): Said {
  const said = ofUse(verdict, averages, unit);
  return finding === null ? said : { ...said, name: finding.kind, ...ofFinding(finding, verdict, said, unit) };
}

/** The words of a reason that responses know; what it leaves out stays as the use has it. */
function ofFinding(finding: Finding, use: Verdict | null, said: Said, unit: Unit): Partial<Said> {
  const words = strings.why;
  const amber = { tone: "warn", shape: "diamond", sign: "mark" } as const;
  switch (finding.kind) {
    case "full_slow":
      return { title: use?.kind === "full" ? words.fullSlow(use.direction === "up") : said.title, detail: fullDetail(finding.answers, use, unit) };
    case "full_prompt":
      return { title: words.fullPrompt(use?.kind === "full" && use.direction === "up") };
    case "slow":
    case "slow_perhaps_full": {
      const { title, detail } = finding.kind === "slow" ? words.slow : words.slowPerhapsFull;
      return { ...amber, pill: strings.pill.slow, title: title(isSlow(finding.answers)), detail: `${manner(finding.answers)} ${detail}` };
    }
    case "device": {
      const detail = words.deviceDetail(strings.milliseconds(finding.line), strings.milliseconds(finding.device));
      return { ...amber, pill: strings.pill.device, title: words.device, detail };
    }
    case "well":
      return { title: words.well, detail: words.wellDetail };
  }
}

function fullDetail(answers: Answers, use: Verdict | null, unit: Unit): string {
  const isFull = use?.kind === "full";
  return strings.why.fullSlowDetail(isFull ? limitText(use.limit, unit) : null, isFull ? use.seconds : 0, manner(answers));
}

/** How the line answers, as a sentence. */
function manner(answers: Answers): string {
  const { typical, quiet, lost, probes } = answers;
  const slow = isSlow(answers) && typical !== null && quiet !== null ? [strings.why.instead(typical, quiet)] : [];
  return [...slow, ...(isLossy(answers) ? [strings.why.lost(lost, probes)] : [])].join(" ");
}

function ofUse(verdict: Verdict | null, averages: number | null, unit: Unit): Said {
  const words = strings.verdict;
  const plainUse = averages === null ? words.notASpeedTest : words.ofAverages(strings.seconds(averages));
  const good = { name: verdict?.kind ?? "running", tone: "good", shape: "disc", sign: "tick", pill: strings.pill.running, detail: plainUse } as const;
  const isUpload = verdict !== null && "direction" in verdict && verdict.direction === "up";
  switch (verdict?.kind) {
    case undefined:
      return { ...good, title: words.noPlan };
    case "gathering":
      return { ...good, tone: "quiet", shape: "ring", sign: "dots", title: words.gathering };
    case "full": {
      const detail = (isUpload ? words.uploadFullDetail : words.fullDetail)(limitText(verdict.limit, unit), verdict.seconds);
      const title = isUpload ? words.uploadFull : words.full;
      return { ...good, tone: "warn", shape: "diamond", sign: "mark", pill: strings.pill.full, title, detail };
    }
    case "bursts": {
      const [title, detail] = isUpload ? [words.uploadBursts, words.uploadBurstsDetail] : [words.bursts, words.burstsDetail];
      return { ...good, tone: "warn", shape: "diamond", sign: "mark", pill: strings.pill.bursts, title, detail };
    }
    case "over":
      return { ...good, tone: "quiet", sign: "mark", title: words.over(limitText(verdict.limit, unit)), detail: words.overDetail };
    case "busy":
      return { ...good, title: words.busy };
    case "quiet":
      return { ...good, title: words.quiet, detail: averages === null ? words.quietDetail : plainUse };
    case "room":
      return { ...good, title: words.room };
  }
}
