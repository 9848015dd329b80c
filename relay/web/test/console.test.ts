// The console's pure parts: addresses, texts of other people, places on the board, words of times and counts; and that no file
// of the console makes HTML of a text.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { patternsOf } from "../src/console/addrouter.ts";
import type { RouterFacts } from "../src/console/contract.ts";
import { Places, SETTLED } from "../src/console/places.ts";
import { faultsOf } from "../src/console/routers.ts";
import { pathOf, readRoute, type Route } from "../src/console/routes.ts";
import { marked, visible } from "../src/console/text.ts";
import { strings } from "../src/words/console.ts";

const plain = (text: string): string => text.replace(/\u00a0/g, " ");

test("every route has an address that leads back to it", () => {
  const routes: Route[] = [
    { screen: "lines", username: null, query: "" },
    { screen: "lines", username: null, query: "a b&c=d" },
    { screen: "lines", username: "4446@karoo.example", query: "444" },
    { screen: "lines", username: "a/b?c#d %41", query: "" },
    { screen: "busiest" },
    { screen: "wall" },
    { screen: "routers", add: false },
    { screen: "routers", add: true },
    { screen: "slow", number: null, all: false },
    { screen: "slow", number: null, all: true },
    { screen: "slow", number: 17, all: false },
    { screen: "people" },
    { screen: "audit", who: "", line: "", what: "" },
    { screen: "audit", who: "naledi", line: "a/b", what: "watched" },
    { screen: "account" },
    { screen: "sign-in" },
    { screen: "invitation" },
  ];
  for (const route of routes) {
    const url = new URL(`/${pathOf(route)}`, "https://relay.example");
    assert.deepEqual(readRoute(url.pathname, url.search), route);
  }
});

test("an address without a screen says so, and the bare one is the lines", () => {
  assert.deepEqual(readRoute("/console", ""), { screen: "lines", username: null, query: "" });
  assert.deepEqual(readRoute("/console/", "?q=ali"), { screen: "lines", username: null, query: "ali" });
  for (const path of ["/console/nothing", "/console/lines/a/b", "/console/routers/remove", "/console/people/x"]) {
    assert.deepEqual(readRoute(path, ""), { screen: "missing" }, path);
  }
  assert.deepEqual(readRoute("/console/lines/%zz", ""), { screen: "lines", username: "%zz", query: "" });
});

test("what cannot be seen is written out, and joiners of scripts stay", () => {
  assert.equal(visible("ab\u202egpj.exe"), "ab[U+202E]gpj.exe");
  assert.equal(visible("a\tb\u0000\u2066c\u2069\ufeff"), "a[U+0009]b[U+0000][U+2066]c[U+2069][U+FEFF]");
  assert.equal(visible("\u0646\u200c\u0647 محمد Нина"), "\u0646\u200c\u0647 محمد Нина");
});

test("the places of a search are marked at the beginnings of words, without case and accents", () => {
  const hits = (text: string, query: string): string[] => marked(text, query).filter(({ isHit }) => isHit).map(({ text }) => text);
  assert.deepEqual(hits("Panadería El Trébol", "treb pan"), ["Pan", "Tréb"]);
  assert.deepEqual(hits("4446@karoo.example", "karoo"), ["karoo"]);
  assert.deepEqual(hits("Nkosi household", "kosi"), []);
  assert.deepEqual(hits("محمد عبد الله", "عبد"), ["عبد"]);
  assert.deepEqual(hits("anything", ""), []);
  assert.equal(marked("a\u202eb", "a").map(({ text }) => text).join(""), "a[U+202E]b", "nothing is lost or unseen");
});

test("a line keeps its place on the board until its rank has differed for a minute", () => {
  const places = new Places();
  assert.deepEqual(places.next(["a", "b", "c"], 0), ["a", "b", "c"]);
  assert.deepEqual(places.next(["b", "a", "c"], 1_000), ["a", "b", "c"], "it waits");
  assert.deepEqual(places.next(["a", "b", "c"], 2_000), ["a", "b", "c"]);
  assert.deepEqual(places.next(["b", "a", "c"], SETTLED), ["a", "b", "c"], "the time begins anew");
  assert.deepEqual(places.next(["b", "a", "c"], 2 * SETTLED), ["b", "a", "c"]);
  assert.deepEqual(places.next(["b", "d", "c"], 2 * SETTLED + 1), ["b", "d", "c"], "a new line takes the place that is free");
  assert.deepEqual(places.next(["d"], 2 * SETTLED + 2), ["d"]);
  assert.deepEqual(places.next([], 2 * SETTLED + 3), []);
});

test("patterns are read with spaces and commas between them", () => {
  assert.deepEqual(patternsOf(" *@karoo.example, ali\tbob,, "), ["*@karoo.example", "ali", "bob"]);
});

test("a router needs somebody when it is lost or has a fault", () => {
  const router = (more: Partial<RouterFacts>): RouterFacts => ({ name: "", patterns: [], connected_since: 1, lost_since: null, version: null, newer: false, identity: null, board: null, routeros: null, sessions: 0, watched: 0, response_us: null, delay_ms: null, backlog: null, fault: null, ...more });
  const fault = { what: "x", remedy: null };
  const routers = [router({}), router({ lost_since: 5 }), router({ fault })];
  assert.deepEqual(faultsOf(routers), [routers[1], routers[2]]);
});

test("counts, times and waits are written for people", () => {
  const [minute, hour] = [60_000, 3_600_000];
  assert.deepEqual([0, 999, 1_000, 1_234_567].map(strings.count), ["0", "999", "1,000", "1,234,567"]);
  assert.deepEqual([5_000, 3 * minute, 5 * hour + 39 * minute, 5 * hour, 14 * 24 * hour].map(strings.duration).map(plain), ["5 s", "3 min", "5 h 39 min", "5 h", "14 days"]);
  assert.deepEqual([0, 9, 65, 600].map(strings.countdown), ["0:00", "0:09", "1:05", "10:00"]);
  const noon = new Date(2026, 10, 28, 12).getTime();
  assert.equal(strings.moment(noon, noon + hour), "12:00");
  assert.equal(strings.moment(noon - 48 * hour, noon), "26 November, 12:00");
  assert.equal(strings.moment(noon - 400 * 24 * hour, noon), "24 October 2025");
});

test("no file of the console makes HTML of a text", () => {
  const folder = "src/console";
  const files = readdirSync(folder);
  assert.ok(files.length > 15);
  for (const file of files) {
    const source = readFileSync(`${folder}/${file}`, "utf8");
    assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\b|new Function/, file);
  }
});
