// The table of states: what the page knows, and what it says.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { LineState, Status } from "../src/live/frame.ts";
import type { Verdict } from "../src/line/verdict.ts";
import { unitOf } from "../src/line/rate.ts";
import { type Said, tell } from "../src/line/sentences.ts";
import { assess, type Known, oldestFigure } from "../src/line/states.ts";

const NOW = Date.UTC(2026, 10, 22, 10, 4);

function status(state: LineState, more: Partial<Status> = {}): Status {
  return { state, since: null, sessions: 1, interval: 1_000, now: NOW, notice: null, support: false, response: null, quiet: null, ...more };
}

const KNOWN: Known = {
  link: { kind: "open" },
  byToken: true,
  online: true,
  status: status("running"),
  age: 400,
  verdict: null,
  finding: null,
  now: NOW,
  wall: NOW,
};

const LOST = { kind: "lost", code: 1006, retryAt: NOW + 11_200 } as const;
const later = (code: number) => ({ kind: "lost", code, retryAt: NOW + 28_000 }) as const;
const ROOM = { kind: "room" } as const;
const UNIT = unitOf({ down: 50e6, up: 10e6 }, 0, "bits");

interface Case {
  what: string;
  known: Partial<Known>;
  name: string;
  pill: string;
  figures?: boolean;
  title?: RegExp;
  detail?: RegExp;
}

const CASES: Case[] = [
  { what: "opening", known: { link: { kind: "connecting", after: null }, status: null, age: null }, name: "connecting", pill: "Connecting" },
  { what: "refreshed with a figure", known: { link: { kind: "connecting", after: null } }, name: "connecting", pill: "Connecting", figures: true },
  { what: "running without a plan", known: {}, name: "running", pill: "Running", figures: true, title: /working/, detail: /not a speed test/ },
  { what: "running with a verdict", known: { verdict: ROOM }, name: "room", pill: "Running", figures: true, title: /room to spare/ },
  { what: "running, no figure yet, but averages tell", known: { age: null, verdict: ROOM }, name: "room", pill: "Running", title: /room/ },
  { what: "running, nothing tells yet", known: { age: null, verdict: { kind: "gathering" } }, name: "waiting", pill: "Running", title: /is connected/ },
  { what: "a link cut off", known: { link: { kind: "cut" }, status: null, age: null }, name: "cut", pill: "Link cut off" },
  { what: "running, no figure yet", known: { age: null }, name: "waiting", pill: "Running", title: /is connected/ },
  { what: "running again, the figure is from before", known: { status: status("running", { since: NOW - 300 }) }, name: "waiting", pill: "Running" },
  { what: "running again with a figure", known: { status: status("running", { since: NOW - 400 }) }, name: "running", pill: "Running", figures: true },
  { what: "a figure of 5 s", known: { age: 5_000 }, name: "running", pill: "Running", figures: true },
  { what: "an older one", known: { age: 5_001, verdict: ROOM }, name: "late", pill: "No figures", title: /late/ },
  { what: "a busy router's", known: { age: 12_000, status: status("running", { interval: 5_000 }) }, name: "running", pill: "Running", figures: true },
  { what: "a busy router's older one", known: { age: 12_501, status: status("running", { interval: 5_000 }) }, name: "late", pill: "No figures" },
  { what: "averages stand in", known: { age: 60_000, status: status("running", { interval: 30_000, notice: "averages" }) }, name: "running", pill: "Running", figures: true, detail: /^These are averages over 30 seconds: the router gives no live figures\.$/ },
  { what: "averages that stopped", known: { age: 75_001, status: status("running", { interval: 30_000, notice: "averages" }) }, name: "late", pill: "No figures" },
  { what: "two sessions", known: { status: status("running", { sessions: 2 }) }, name: "running", pill: "Running", figures: true },
  { what: "too many watched", known: { age: null, status: status("running", { notice: "too_many_watched" }) }, name: "waiting", pill: "No figures", title: /have to wait/ },
  { what: "refused by the router", known: { age: null, status: status("running", { notice: "router_refuses" }) }, name: "waiting", pill: "No figures", title: /gives no live figures/ },
  { what: "too many watched but figures come", known: { status: status("running", { notice: "too_many_watched" }) }, name: "running", pill: "Running", figures: true },
  { what: "another notice", known: { age: null, status: status("running", { notice: "later" }) }, name: "waiting", pill: "Running", title: /is connected\.$/ },
  { what: "stalled", known: { status: status("stalled") }, name: "stalled", pill: "No figures" },
  { what: "offline with a young figure", known: { status: status("offline", { since: NOW - 60_000 }) }, name: "offline", pill: "Not connected", title: /^Your router is not connected to us since \d\d:03\.$/, detail: /power/ },
  { what: "offline since yesterday", known: { status: status("offline", { since: NOW - 86_400_000 }) }, name: "offline", pill: "Not connected", title: /since \d\d:04 on 21 November\.$/ },
  { what: "offline, nobody knows since when", known: { status: status("offline") }, name: "offline", pill: "Not connected", title: /^Your router is not connected to us\.$/ },
  { what: "unreachable because another relay is", known: { status: status("unreachable", { notice: "out_of_touch" }) }, name: "unreachable", pill: "Out of sight", title: /^We cannot see your router at the moment\.$/, detail: /^Another part of our monitoring cannot be reached\./ },
  { what: "unreachable", known: { status: status("unreachable") }, name: "unreachable", pill: "Out of sight", title: /^We cannot see your router at the moment\.$/, detail: /does not mean that your line is down/ },
  { what: "unreachable since", known: { status: status("unreachable", { since: NOW }) }, name: "unreachable", pill: "Out of sight", title: /since \d\d:04\.$/ },
  { what: "unknown", known: { status: status("unknown") }, name: "unknown", pill: "Not known" },
  { what: "starting", known: { status: status("starting") }, name: "starting", pill: "Starting" },
  { what: "lost with a young figure", known: { link: LOST }, name: "lost", pill: "Connection lost", figures: true, title: /lost its connection/, detail: /again in 12 s\./ },
  { what: "lost with an old one", known: { link: LOST, age: 6_000 }, name: "lost", pill: "Connection lost" },
  { what: "lost while offline", known: { link: LOST, status: status("offline") }, name: "lost", pill: "Connection lost" },
  { what: "trying again", known: { link: { kind: "connecting", after: LOST } }, name: "lost", pill: "Connection lost", figures: true, detail: /again now\./ },
  { what: "lost without a network", known: { link: LOST, online: false }, name: "lost", pill: "Connection lost", figures: true, detail: /no network/ },
  { what: "never reached", known: { link: LOST, status: null, age: null }, name: "lost", pill: "Connection lost", title: /cannot reach/ },
  { what: "paused", known: { link: { kind: "paused" } }, name: "paused", pill: "Paused" },
  { what: "line full", known: { link: later(4104) }, name: "line_full", pill: "Many viewers", detail: /again in 28 s\./ },
  { what: "line full, trying", known: { link: { kind: "connecting", after: later(4104) } }, name: "line_full", pill: "Many viewers" },
  { what: "relay full", known: { link: later(4105) }, name: "relay_full", pill: "Very busy" },
  { what: "too many failures", known: { link: later(4108) }, name: "too_many_failures", pill: "Not accepted" },
  { what: "expired", known: { link: { kind: "ended", code: 4103 } }, name: "expired", pill: "Link expired", title: /expired/, detail: /Ask your provider for a new one/ },
  { what: "refused", known: { link: { kind: "ended", code: 4102 } }, name: "refused", pill: "Link not valid", detail: /Check that you have all of it/ },
  { what: "a name is refused", known: { link: { kind: "ended", code: 4102 }, byToken: false }, name: "name_refused", pill: "Link needed" },
  { what: "an old page", known: { link: { kind: "ended", code: 4101 } }, name: "outdated", pill: "Reload needed" },
  { what: "too fast", known: { link: { kind: "ended", code: 4106 } }, name: "too_fast", pill: "Stopped" },
  { what: "too many unknown names", known: { link: later(4110) }, name: "too_many_unknown", pill: "Not known", detail: /again in 28 s\./ },
  { what: "opened elsewhere", known: { link: { kind: "ended", code: 4109 } }, name: "opened_elsewhere", pill: "Open elsewhere", detail: /Press Refresh/ },
  { what: "no link", known: { link: { kind: "none" }, status: null, age: null }, name: "none", pill: "No link" },
  { what: "another address", known: { link: { kind: "elsewhere" }, status: null, age: null }, name: "elsewhere", pill: "Not found" },
];

for (const { what, known, name, pill, figures, title, detail } of CASES) {
  test(what, () => {
    const assessed = assess({ ...KNOWN, ...known });
    const said = tell(assessed.state, UNIT, NOW);
    assert.equal(said.name, name);
    assert.equal(said.pill, pill);
    assert.equal(assessed.figures, figures ?? false);
    assert.match(said.title.replace(/\u00a0/g, " "), title ?? /\.$|…$/);
    assert.match(said.detail.replace(/\u00a0/g, " "), detail ?? /\.$/);
    assert.doesNotMatch(`${said.title} ${said.detail}`, /40\d|410\d|error|undefined|null|NaN/);
  });
}

/** Each verdict, with the longest limits. */
const VERDICTS: (Verdict | null)[] = [
  null,
  { kind: "gathering" },
  ...(["down", "up"] as const).flatMap((direction): Verdict[] => [
    { kind: "full", direction, limit: 999.99e6, seconds: 110 },
    { kind: "over", direction, limit: 999.99e6 },
    { kind: "bursts", direction },
  ]),
  { kind: "busy" },
  { kind: "quiet" },
  { kind: "room" },
];

function ofVerdict(verdict: Verdict | null, averages: number | null = null): Said {
  return tell({ kind: "running", verdict, finding: null, averages }, UNIT, NOW);
}

test("the pill says the same as the sentence, and green means that all is well and known", () => {
  const looks = VERDICTS.map((verdict) => {
    const { tone, shape, sign, pill } = ofVerdict(verdict);
    return [verdict?.kind ?? "no plan", tone, shape, sign, pill].join(" ");
  });
  assert.deepEqual([...new Set(looks)], [
    "no plan good disc tick Running",
    "gathering quiet ring dots Running",
    "full warn diamond mark Full",
    "over quiet disc mark Running",
    "bursts warn diamond mark Full at times",
    "busy good disc tick Running",
    "quiet good disc tick Running",
    "room good disc tick Running",
  ]);
});

test("each state that has figures missing has a shape and a word of its own", () => {
  const look = (known: Partial<Known>): string => {
    const { tone, shape, pill } = tell(assess({ ...KNOWN, ...known }).state, UNIT, NOW);
    return [tone, shape, pill].join(" ");
  };
  assert.equal(look({ status: status("offline") }), "warn square Not connected");
  assert.equal(look({ status: status("unreachable") }), "warn triangle Out of sight");
  assert.equal(look({ status: status("stalled") }), "warn ring No figures");
  assert.equal(look({ status: status("unknown") }), "quiet ring Not known");
  assert.equal(look({ age: null }), "quiet ring Running");
});

test("a full line has its words first, and no number that the figures show as well", () => {
  const said = ofVerdict({ kind: "full", direction: "down", limit: 20e6, seconds: 40 });
  assert.equal(said.title, "Your line is full.");
  assert.match(said.detail.replace(/\u00a0/g, " "), /^All 20 Mbps have been in use for 40 s\./);
  assert.equal(ofVerdict({ kind: "bursts", direction: "down" }).title, "In bursts your line is full; between them it has room.");
});

test("above the plan the plan is doubted", () => {
  const said = ofVerdict({ kind: "over", direction: "down", limit: 11e6 });
  assert.match(said.detail, /recorded wrongly/);
  assert.doesNotMatch(said.title + said.detail, /%|29/);
});

test("every sentence fits the room that it has on a phone", () => {
  const states = CASES.map(({ known }) => assess({ ...KNOWN, ...known }).state).filter(({ kind }) => kind !== "running");
  const verdicts = VERDICTS.flatMap((verdict) => [ofVerdict(verdict), ofVerdict(verdict, 30_000)]);
  for (const said of [...verdicts, ...states.map((state) => tell(state, UNIT, NOW))]) {
    const lines = Math.ceil(said.title.length / 27) + Math.ceil(said.detail.length / 34);
    // Messages stand alone, so that nothing moves if they are long.
    const isAlone = ["expired", "refused", "cut", "name_refused", "outdated", "too_fast", "none", "elsewhere"].includes(said.name);
    assert.ok(isAlone || lines <= 6, `${lines} lines: ${said.title} ${said.detail}`);
  }
});

test("how old a figure may be", () => {
  assert.deepEqual([1_000, 1_001, 2_000, 3_000, 5_000].map(oldestFigure), [5_000, 5_000, 5_000, 7_500, 12_500]);
});
