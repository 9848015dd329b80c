// The table of states: what the page knows, and what it says.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { LineState, Status } from "../src/live/frame.ts";
import { type Known, oldestFigure, say } from "../src/line/states.ts";

const NOW = Date.UTC(2026, 10, 22, 10, 4);

function status(state: LineState, more: Partial<Status> = {}): Status {
  return { state, since: null, sessions: 1, interval: 1_000, now: NOW, notice: null, ...more };
}

const KNOWN: Known = {
  link: { kind: "open" },
  byToken: true,
  online: true,
  status: status("running"),
  age: 400,
  verdict: null,
  now: NOW,
};

const LOST = { kind: "lost", code: 1006 } as const;
const ROOM = { kind: "room", title: "Room.", detail: "Not a speed test." } as const;

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
  { what: "running with a verdict", known: { verdict: ROOM }, name: "room", pill: "Running", figures: true, title: /^Room\.$/ },
  { what: "running, no figure yet", known: { age: null }, name: "waiting", pill: "Running", title: /is connected/ },
  { what: "running again, the figure is from before", known: { status: status("running", { since: NOW - 300 }) }, name: "waiting", pill: "Running" },
  { what: "running again with a figure", known: { status: status("running", { since: NOW - 400 }) }, name: "running", pill: "Running", figures: true },
  { what: "a figure of 5 s", known: { age: 5_000 }, name: "running", pill: "Running", figures: true },
  { what: "an older one", known: { age: 5_001 }, name: "late", pill: "Running", title: /late/ },
  { what: "a busy router's", known: { age: 12_000, status: status("running", { interval: 5_000 }) }, name: "running", pill: "Running", figures: true, detail: /every 5 seconds/ },
  { what: "a busy router's older one", known: { age: 12_501, status: status("running", { interval: 5_000 }) }, name: "late", pill: "Running" },
  { what: "averages stand in", known: { age: 60_000, status: status("running", { interval: 30_000, notice: "averages" }) }, name: "running", pill: "Running", figures: true, detail: /^The router gives no live figures for this line: these are averages over 30 seconds\.$/ },
  { what: "averages that stopped", known: { age: 75_001, status: status("running", { interval: 30_000, notice: "averages" }) }, name: "late", pill: "Running" },
  { what: "two sessions", known: { status: status("running", { sessions: 2 }) }, name: "running", pill: "Running", figures: true, detail: /2 connections/ },
  { what: "too many watched", known: { age: null, status: status("running", { notice: "too_many_watched" }) }, name: "waiting", pill: "Running", title: /have to wait/ },
  { what: "too many watched but figures come", known: { status: status("running", { notice: "too_many_watched" }) }, name: "running", pill: "Running", figures: true },
  { what: "another notice", known: { age: null, status: status("running", { notice: "later" }) }, name: "waiting", pill: "Running", title: /is connected\.$/ },
  { what: "stalled", known: { status: status("stalled") }, name: "stalled", pill: "No figures" },
  { what: "offline with a young figure", known: { status: status("offline", { since: NOW - 60_000 }) }, name: "offline", pill: "Not connected", title: /^Your router is not connected to us since \d\d:03\.$/, detail: /power/ },
  { what: "offline since yesterday", known: { status: status("offline", { since: NOW - 86_400_000 }) }, name: "offline", pill: "Not connected", title: /since \d\d:04 on 21 November\.$/ },
  { what: "offline, nobody knows since when", known: { status: status("offline") }, name: "offline", pill: "Not connected", title: /^Your router is not connected to us\.$/ },
  { what: "unreachable", known: { status: status("unreachable") }, name: "unreachable", pill: "Out of sight", title: /^We cannot see your router at the moment\.$/, detail: /does not mean that your line is down/ },
  { what: "unreachable since", known: { status: status("unreachable", { since: NOW }) }, name: "unreachable", pill: "Out of sight", title: /since \d\d:04\.$/ },
  { what: "unknown", known: { status: status("unknown") }, name: "unknown", pill: "Not known" },
  { what: "starting", known: { status: status("starting") }, name: "starting", pill: "Starting" },
  { what: "lost with a young figure", known: { link: LOST }, name: "lost", pill: "Connection lost", figures: true, title: /lost its connection and is trying again/ },
  { what: "lost with an old one", known: { link: LOST, age: 6_000 }, name: "lost", pill: "Connection lost" },
  { what: "lost while offline", known: { link: LOST, status: status("offline") }, name: "lost", pill: "Connection lost" },
  { what: "trying again", known: { link: { kind: "connecting", after: LOST } }, name: "lost", pill: "Connection lost", figures: true },
  { what: "lost without a network", known: { link: LOST, online: false }, name: "lost", pill: "Connection lost", figures: true, detail: /no network/ },
  { what: "never reached", known: { link: LOST, status: null, age: null }, name: "lost", pill: "Connection lost", title: /cannot reach/ },
  { what: "paused", known: { link: { kind: "paused" } }, name: "paused", pill: "Paused" },
  { what: "line full", known: { link: { kind: "lost", code: 4104 } }, name: "line_full", pill: "Many viewers" },
  { what: "line full, trying", known: { link: { kind: "connecting", after: { kind: "lost", code: 4104 } } }, name: "line_full", pill: "Many viewers" },
  { what: "relay full", known: { link: { kind: "lost", code: 4105 } }, name: "relay_full", pill: "Very busy" },
  { what: "too many failures", known: { link: { kind: "lost", code: 4108 } }, name: "too_many_failures", pill: "Not accepted" },
  { what: "expired", known: { link: { kind: "ended", code: 4103 } }, name: "expired", pill: "Link expired", title: /expired/, detail: /Ask your provider for a new one/ },
  { what: "refused", known: { link: { kind: "ended", code: 4102 } }, name: "refused", pill: "Link not valid", detail: /Check that you have all of it/ },
  { what: "a name is refused", known: { link: { kind: "ended", code: 4102 }, byToken: false }, name: "name_refused", pill: "Link needed" },
  { what: "an old page", known: { link: { kind: "ended", code: 4101 } }, name: "outdated", pill: "Reload needed" },
  { what: "too fast", known: { link: { kind: "ended", code: 4106 } }, name: "too_fast", pill: "Stopped" },
  { what: "no link", known: { link: { kind: "none" }, status: null, age: null }, name: "none", pill: "No link" },
  { what: "another address", known: { link: { kind: "elsewhere" }, status: null, age: null }, name: "elsewhere", pill: "Not found" },
];

for (const { what, known, name, pill, figures, title, detail } of CASES) {
  test(what, () => {
    const said = say({ ...KNOWN, ...known });
    assert.equal(said.name, name);
    assert.equal(said.pill, pill);
    assert.equal(said.figures, figures ?? false);
    assert.match(said.title, title ?? /\.$|…$/);
    assert.match(said.detail, detail ?? /\.$/);
    assert.doesNotMatch(`${said.title} ${said.detail}`, /40\d|410\d|error|undefined|null|NaN/);
  });
}

test("how old a figure may be", () => {
  assert.deepEqual([1_000, 1_001, 2_000, 3_000, 5_000].map(oldestFigure), [5_000, 5_000, 5_000, 7_500, 12_500]);
});
