// The console's API as values: what each answer holds. Times are Unix milliseconds, rates bits per second.

import type { Plan } from "../live/frame.ts";

/** The two roles of staff. */
export type Role = "support" | "admin";

/** Who is signed in. */
export interface Me {
  name: string;
  role: Role;
  /** True if a second factor is set up. */
  totp: boolean;
  /** True if everybody needs one. */
  totp_required: boolean;
  by: "password" | "company";
  brand: string | null;
  announce_support: boolean;
}

/** The next step of a sign-in. */
export interface Step {
  step: "done" | "code" | "enrol";
}

/** A second factor that waits for its first code. */
export interface Enrolment {
  secret: string;
  uri: string;
  qr_svg: string;
}

/** A line's state as the desk's lists have it. */
export type RowState = "running" | "full" | "not-connected" | "out-of-sight" | "no-figures" | "never-seen";

/** One line of the search. */
export interface Row {
  username: string;
  customer: string | null;
  package: string | null;
  state: RowState;
  since: number | null;
  down: number | null;
  up: number | null;
  plan: Plan;
  /** Averages of the download; null is a gap. */
  spark: readonly (number | null)[];
  matched: { field: string; text: string } | null;
}

/** The answer of a search. */
export interface Found {
  total: number;
  hits: number;
  lines: readonly Row[];
}

/** One router's report of a line. */
export interface Report {
  agent: string;
  router: string | null;
  board: string | null;
  routeros: string | null;
  role: string | null;
  sessions: number;
  since: number | null;
  unreachable_since: number | null;
  /** True if the line's figures come from this report. */
  counts: boolean;
  why: string | null;
}

/** A refused link. */
export interface Refused {
  at: number;
  what: string;
  times: number;
  remedy: string | null;
}

/** A link that was made. */
export interface MadeLink {
  id: string;
  kind: string;
  made: number | null;
  by: string | null;
  expires: number | null;
  revoked: number | null;
  last_used: number | null;
}

/** Somebody who watched the line, or did something to it. */
export interface Watched {
  at: number;
  who: string;
  what: string;
  role?: string | null;
  address?: string | null;
}

/** A line that was perhaps meant. */
export interface Meant {
  username: string;
  customer: string | null;
}

/** Everything that the desk sees of a line beside its figures. */
export interface LineFacts {
  username: string;
  customer: string | null;
  package: string | null;
  fields: Readonly<Record<string, string>>;
  state: RowState;
  since: number | null;
  plan: Plan & { from: string | null };
  notice: string | null;
  /** Open pages of the line, but not those of staff. */
  viewers: number;
  /** Open pages of staff. */
  staff: number;
  last_arrival: number | null;
  reports: readonly Report[];
  refused: readonly Refused[];
  /** Null while the relay's store does not answer. */
  links: readonly MadeLink[] | null;
  void_before: number | null;
  watched: readonly Watched[];
  /** Lines that were perhaps meant, for a line that nobody knows. */
  meant: readonly Meant[];
}

/** A new link. */
export interface NewLink {
  id: string;
  url: string;
  expires: number | null;
  text: string;
  whatsapp: string;
  mail: string;
  qr_svg: string;
}

/** A new code of eight digits. */
export interface NewCode {
  code: string;
  expires: number;
}

/** One of the busiest lines. */
export interface BusyLine {
  rank: number;
  username: string;
  customer: string | null;
  agent: string | null;
  down: number | null;
  up: number | null;
  plan: Plan;
  /** The share of the plan, from 0 to 1. */
  share: number | null;
  spark: readonly (number | null)[];
}

/** A router's sum. */
export interface AgentSum {
  name: string;
  down: number;
  up: number;
  lines: number;
  lost_since: number | null;
}

/** The busiest lines. */
export interface Board {
  at: number;
  lines: readonly BusyLine[];
  states: { running: number; full: number; not_connected: number; out_of_sight: number; no_figures: number };
  agents: readonly AgentSum[];
}

/** A router's agent. */
export interface RouterFacts {
  name: string;
  patterns: readonly string[];
  connected_since: number | null;
  lost_since: number | null;
  version: string | null;
  /** True if a newer version is out. */
  newer: boolean;
  identity: string | null;
  board: string | null;
  routeros: string | null;
  sessions: number | null;
  watched: number | null;
  response_us: number | null;
  delay_ms: number | null;
  backlog: { bytes: number; seconds: number } | null;
  fault: { what: string; remedy: string | null } | null;
}

/** The steps of a new router, each true when done. */
export interface RouterSteps {
  paste: boolean;
  heard: boolean;
  router: boolean;
  sessions: boolean;
}

/** A member of staff. */
export interface Person {
  name: string;
  role: Role;
  made: number;
  last_seen: number | null;
  totp: boolean;
  invited_until: number | null;
  /** Null for somebody who never signed in. */
  by: "password" | "company" | null;
}

/** A new single-use address. */
export interface Invitation {
  url: string;
  expires: number;
}

/** One entry of the audit log. */
export interface AuditEntry {
  id: number;
  at: number;
  who: string | null;
  role: string | null;
  address: string | null;
  what: string;
  line: string | null;
  detail: string | null;
}

/** A moment that somebody pinned with "It is slow now". */
export interface SlowReport {
  number: number;
  username: string;
  made: number;
  /** The member of staff who pinned it; null for the subscriber. */
  by: string | null;
  words: string;
  answer: string | null;
  answered: number | null;
  answered_by: string | null;
  closed: number | null;
  closed_by: string | null;
}

/** Some reports, the newest first. */
export interface SlowReports {
  reports: readonly SlowReport[];
  /** How many reports of all are open. */
  open: number;
  more: boolean;
}
