// The relay's viewer frames: text in, values out. Knows no socket, keeps nothing and never throws. The contract is
// shared/golden/viewer.

/** The line that a viewer's first frame asks for. */
export type Target = { kind: "token"; token: string } | { kind: "username"; username: string };

/** The two directions, as the subscriber sees them. */
export type Direction = "down" | "up";

/** A line's state at the relay. */
export type LineState = "running" | "stalled" | "offline" | "unreachable" | "unknown" | "starting";

const LINE_STATES: readonly string[] = ["running", "stalled", "offline", "unreachable", "unknown", "starting"];

/** A plan's limits in bits per second; null where not known. */
export interface Plan {
  down: number | null;
  up: number | null;
  /** There if other lines share the limits. */
  shared?: true;
}

/** How long a line took to answer a probe, in microseconds; null for a lost probe. */
export type Rtt = number | null;

/** Samples as columns: Unix milliseconds by the relay's clock, bits per second. Times rise strictly. */
export interface Columns {
  t: number[];
  down: number[];
  up: number[];
  /** The line's responses; 0 where none was measured. There if the line has any. */
  rtt?: Rtt[];
}

/** From where a line's response is measured: by a concentrator, or by a home router. `silent` is a router that answers no probe. */
export type Vantage = "router" | "provider" | "silent";

const VANTAGES: readonly unknown[] = ["router", "provider", "silent"];

/** Averages in a row; null is a gap. Unix milliseconds by the relay's clock, bits per second. */
export interface Averages {
  /** The span of each, in milliseconds. */
  interval: number;
  /** The begin of the first. */
  start: number;
  down: (number | null)[];
  up: (number | null)[];
}

/** The days behind a line: long averages with the largest rates and the typical response within each. */
export interface Days extends Averages {
  down_most: (number | null)[];
  up_most: (number | null)[];
  /** Microseconds; null where nobody watched. */
  rtt: (number | null)[];
}

/** A line's state as `snapshot` and `state` frames carry it. Times are Unix milliseconds by the relay's clock. */
export interface Status {
  state: LineState;
  /** The begin of the state; null when not known. */
  since: number | null;
  /** The number of sessions in the sum. */
  sessions: number;
  /** Milliseconds between two samples. */
  interval: number;
  /** The relay's clock at the frame. */
  now: number;
  /** The reason for no figures, or for unusual ones; null in the usual case. */
  notice: string | null;
  /** Somebody of the provider's staff watches too. */
  support: boolean;
  /** null where nobody measures the line's response. */
  response: Vantage | null;
  /** The line's response while little is in use, in microseconds; null while not known. */
  quiet: number | null;
}

/** A line's owner and plan. */
export interface Identity {
  /** The username's text form. */
  username: string;
  /** The username for people. */
  display: string;
  customer: string | null;
  package: string | null;
  /** The provider's name; null without one. */
  brand: string | null;
  plan: Plan;
  /** The end of the link; null for a link without end. */
  expires: number | null;
}

/** A frame from the relay. */
export type Frame =
  | { type: "snapshot"; identity: Identity; status: Status; history: Columns; averages: Averages | null }
  | { type: "sample"; columns: Columns }
  | { type: "samples"; columns: Columns }
  | { type: "averages"; averages: Averages }
  | { type: "state"; status: Status }
  /** The way from the relay to this page and back, in microseconds. */
  | { type: "self"; rtt: number }
  | { type: "error"; code: number; reason: string };

/** A text frame, read. Unknown types are for a later page, malformed ones for nobody. */
export type Parsed = { kind: "frame"; frame: Frame } | { kind: "ignored" } | { kind: "malformed"; why: string };

/** The longest frame, in characters: a snapshot of 15 minutes at one sample a second has some 40,000. */
const LONGEST_FRAME = 1 << 20;

/** The first frame of a viewer. */
export function watchFrame(target: Target): string {
  return target.kind === "token"
    ? JSON.stringify({ type: "watch", token: target.token })
    : JSON.stringify({ type: "watch", username: target.username });
}

/** Reads one text frame. */
export function parseFrame(text: string): Parsed {
  if (text.length > LONGEST_FRAME) return malformed("frame too long");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return malformed("not JSON");
  }
  if (!isRecord(value) || typeof value["type"] !== "string") return malformed("no type");
  try {
    const frame = readFrame(value["type"], value);
    return frame === null ? { kind: "ignored" } : { kind: "frame", frame };
  } catch (fault) {
    return malformed(fault instanceof Malformed ? fault.message : "unreadable");
  }
}

/** Thrown by the readers below, and caught by `parseFrame`. */
class Malformed extends Error {}

type Fields = Record<string, unknown>;

function readFrame(type: string, fields: Fields): Frame | null {
  switch (type) {
    case "snapshot":
      return {
        type,
        identity: identity(fields),
        status: status(fields),
        history: columns(record(fields, "history")),
        averages: fields["averages"] === undefined ? null : averages(record(fields, "averages")),
      };
    case "sample":
      return { type, columns: sample(fields) };
    case "samples":
      return { type, columns: columns(fields) };
    case "averages":
      return { type, averages: averages(fields) };
    case "state":
      return { type, status: status(fields) };
    case "self":
      return { type, rtt: time(fields, "rtt") };
    case "error":
      return { type, code: count(fields, "code"), reason: string(fields, "reason") };
    default:
      return null;
  }
}

function identity(fields: Fields): Identity {
  const plan = record(fields, "plan");
  return {
    username: string(fields, "username"),
    display: string(fields, "display"),
    customer: nullable(fields, "customer", string),
    package: nullable(fields, "package", string),
    brand: nullable(fields, "brand", string),
    plan: { down: limit(plan, "down"), up: limit(plan, "up"), ...(plan["shared"] === true && { shared: true }) },
    expires: nullable(fields, "expires", time),
  };
}

function status(fields: Fields): Status {
  const state = string(fields, "state");
  if (!LINE_STATES.includes(state)) throw new Malformed(`state "${state}" is not known`);
  const interval = time(fields, "interval");
  if (interval === 0) throw new Malformed("interval is zero");
  return {
    state: state as LineState,
    since: nullable(fields, "since", time),
    sessions: count(fields, "sessions"),
    interval,
    now: time(fields, "now"),
    notice: fields["notice"] === undefined ? null : nullable(fields, "notice", string),
    support: fields["support"] === true,
    response: VANTAGES.includes(fields["response"]) ? (fields["response"] as Vantage) : null,
    quiet: fields["quiet"] === undefined ? null : time(fields, "quiet"),
  };
}

/** One sample, as columns of one row. */
function sample(fields: Fields): Columns {
  const read = { t: [time(fields, "t")], down: [rate(fields["down"], "down")], up: [rate(fields["up"], "up")] };
  return fields["rtt"] === undefined ? read : { ...read, rtt: [nullable(fields, "rtt", time)] };
}

function columns(fields: Fields): Columns {
  const rtt = fields["rtt"] === undefined ? {} : { rtt: list(fields, "rtt") };
  const read = { t: numbers(fields, "t"), down: numbers(fields, "down"), up: numbers(fields, "up"), ...rtt };
  if (Object.values(read).some((column) => column.length !== read.t.length)) throw new Malformed("columns differ in length");
  let last = -1;
  for (const t of read.t) {
    if (t <= last) throw new Malformed("times do not rise");
    last = t;
  }
  return read;
}

/** Reads the answer with the days behind a line; null for anything else. */
export function readDays(value: unknown): Days | null {
  try {
    const fields = value as Fields;
    const most = { down_most: list(fields, "down_most"), up_most: list(fields, "up_most"), rtt: list(fields, "rtt") };
    return { ...averages(fields), ...most };
  } catch {
    return null;
  }
}

function averages(fields: Fields): Averages {
  const read = { interval: time(fields, "interval"), start: time(fields, "start"), down: list(fields, "down"), up: list(fields, "up") };
  if (read.interval === 0) throw new Malformed("interval is zero");
  if (read.down.length !== read.up.length) throw new Malformed("columns differ in length");
  return read;
}

function list(fields: Fields, name: string): (number | null)[] {
  const values = fields[name];
  if (!Array.isArray(values)) throw new Malformed(`${name} is no list`);
  return values.map((value: unknown) => (value === null ? null : rate(value, name)));
}

function numbers(fields: Fields, name: string): number[] {
  return list(fields, name).map((value) => rate(value, name));
}

function rate(value: unknown, name: string): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) throw new Malformed(`${name} is no rate`);
  return value;
}

function time(fields: Fields, name: string): number {
  return rate(fields[name], name);
}

function count(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) throw new Malformed(`${name} is no count`);
  return value;
}

/** A limit of zero is none: routers write 0 for "unlimited". */
function limit(fields: Fields, name: string): number | null {
  const value = nullable(fields, name, time);
  return value === 0 ? null : value;
}

function string(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw new Malformed(`${name} is no text`);
  return value;
}

function record(fields: Fields, name: string): Fields {
  const value = fields[name];
  if (!isRecord(value)) throw new Malformed(`${name} is no object`);
  return value;
}

function nullable<T>(fields: Fields, name: string, read: (fields: Fields, name: string) => T): T | null {
  return fields[name] === null ? null : read(fields, name);
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(why: string): Parsed {
  return { kind: "malformed", why };
}
