// Announcements, axes, the table, kept choices, and that index.html's words are all there.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Announcer } from "../src/line/announcer.ts";
import { multiples, rateAxis, timeStep } from "../src/line/axis.ts";
import { loadSettings, saveSettings } from "../src/line/settings.ts";
import { strings } from "../src/words/en.ts";
import { rowsOf } from "../src/line/table.ts";

const M = 1_000_000;

test("announcements are news, and never closer than fifteen seconds", () => {
  const announcer = new Announcer();
  const running = (down: number) => ({ name: "room", text: `at ${down}`, figures: { down: down * M, up: 0 } });
  assert.equal(announcer.next(running(10), 0), "at 10");
  assert.equal(announcer.next({ name: "offline", text: "off", figures: null }, 14_999), null);
  assert.equal(announcer.next({ name: "offline", text: "off", figures: null }, 15_000), "off");
  assert.equal(announcer.next({ name: "offline", text: "off", figures: null }, 90_000), null, "nothing new");
  assert.equal(announcer.next(running(10), 90_000), "at 10");
  assert.equal(announcer.next(running(11), 120_000), null, "hardly moved");
  assert.equal(announcer.next(running(14), 120_000), "at 14");
  assert.equal(announcer.next({ name: "full", text: "full", figures: { down: 14 * M, up: 0 } }, 140_000), "full");
});

test("a rate axis fits peak and plan with few even steps", () => {
  const cases: [peak: number, plan: number | null, most: number, top: number, step: number, showsPlan: boolean][] = [
    [33.65, 50, 5, 60, 20, true],
    [14.78, 50, 5, 60, 20, true],
    [1.74, 10, 3, 2, 1, false],
    [9.7, 10, 3, 15, 5, true],
    [33.65, null, 5, 40, 10, false],
    [930, 1_000, 5, 1_250, 250, true],
    [0, 50, 5, 0.125, 0.025, false],
  ];
  for (const [peak, plan, most, top, step, showsPlan] of cases) {
    const axis = rateAxis(peak * M, plan === null ? null : plan * M, "bits", most);
    assert.ok(Math.abs(axis.top / M - top) < 1e-9, `top of ${peak}: ${axis.top}`);
    assert.ok(Math.abs(axis.step / M - step) < 1e-9, `step of ${peak}: ${axis.step}`);
    assert.equal(axis.showsPlan, showsPlan);
    assert.ok(multiples(axis.step, 0, axis.top).length <= most + 1);
  }
});

test("a rate axis in bytes has even steps of bytes", () => {
  const axis = rateAxis(40 * M, null, "bytes", 5);
  assert.equal(axis.scale.unit, "MB/s");
  assert.deepEqual(
    multiples(axis.step, 0, axis.top).map((rate) => rate / axis.scale.divisor),
    [0, 2, 4, 6],
  );
});

test("no axis has a zero below zero", () => {
  assert.ok(Object.is(multiples(20, 0, 60)[0], 0));
});

test("time labels do not crowd", () => {
  for (const pixels of [230, 264, 300, 880]) {
    for (const minutes of [1, 5, 15, 120]) {
      const step = timeStep(minutes * 60, pixels, 74);
      assert.ok((step / (minutes * 60)) * pixels >= 74, `${minutes} min at ${pixels} px: each ${step} s`);
    }
  }
  assert.equal(timeStep(60, 264, 74), 20);
  assert.equal(timeStep(7_200, 290, 60), 1_800, "half hours, not twenty-five minutes");
});

test("the table tells now, peak, average, plan and the window in twelve parts", () => {
  const now = 1_795_363_200_000;
  const points = Array.from({ length: 50 }, (_, i) => ({ t: now - i * 1_000, down: 14_780_000, up: i === 0 ? M : 0, interval: 1_000 })).reverse();
  const rows = rowsOf({ points, current: points[49] ?? null, plan: { down: 50 * M, up: null }, units: "bits", minutes: 1, now });
  assert.equal(rows.length, 16);
  assert.deepEqual(rows[0], ["Now", "14.78 Mbps", "1.00 Mbps"]);
  assert.deepEqual(rows[1], ["Peak", "14.78 Mbps", "1.00 Mbps"]);
  assert.deepEqual(rows[2], ["Average", "14.78 Mbps", "20 kbps"]);
  assert.deepEqual(rows[3], ["Plan", "50 Mbps", "–"]);
  assert.deepEqual(rows[4]?.slice(1), ["14.78 Mbps", "200 kbps"]);
  assert.deepEqual(rows[15]?.slice(1), ["–", "–"], "nothing is known of that time");
});

test("the table says where averages are among its figures", () => {
  assert.equal(strings.tableCaption(120), "Download and upload, the last 2 hours");
  assert.equal(strings.minutes(120), "2 h");
  assert.match(strings.tableCoarse(strings.tableCaption(15), strings.seconds(30_000)), /last 15 minutes; in part from averages over 30 seconds$/);
});

test("choices are kept where the browser allows it", () => {
  const kept = new Map<string, string>();
  const storage = () =>
    ({ getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) }) as unknown as Storage;
  assert.deepEqual(loadSettings(storage), { minutes: 1, units: "bits" });
  saveSettings(storage, { minutes: 15, units: "bytes" });
  assert.deepEqual(loadSettings(storage), { minutes: 15, units: "bytes" });
  kept.set("linelight", '{"minutes":7,"units":"furlongs"}');
  assert.deepEqual(loadSettings(storage), { minutes: 1, units: "bits" });
  kept.set("linelight", "{");
  assert.deepEqual(loadSettings(storage), { minutes: 1, units: "bits" });
});

test("a browser that refuses to keep anything is no error", () => {
  const storage = (): Storage => {
    throw new Error("denied");
  };
  assert.deepEqual(loadSettings(storage), { minutes: 1, units: "bits" });
  saveSettings(storage, { minutes: 5, units: "bits" });
});

test("index.html names strings that exist, refers to assets alone, and holds nothing that the policy forbids", () => {
  const html = readFileSync("index.html", "utf8");
  const names = [...html.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] as string);
  assert.ok(names.length > 10);
  for (const name of names) assert.ok(name in strings.page, name);
  for (const [, url] of html.matchAll(/(?:src|href)="([^"]+)"/g)) assert.match(url as string, /^(\/assets\/|data:)/);
  assert.doesNotMatch(html, /\sstyle=|\son\w+=|<style|<script>/);
});
