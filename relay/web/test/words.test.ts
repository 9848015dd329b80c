// Announcements, axes, the table, kept choices, and that index.html's words are all there.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Announcer } from "../src/line/announcer.ts";
import { multiples, rateAxis, timeStep } from "../src/line/axis.ts";
import { unitOf } from "../src/line/rate.ts";
import { loadSettings, saveSettings } from "../src/line/settings.ts";
import { strings as desk } from "../src/words/console.ts";
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

test("a rate axis runs from 0 to the plan, which is its highest label", () => {
  for (const [peak, plan, labels] of [
    [18.9, 20, [0, 5, 10, 15, 20]],
    [0, 20, [0, 5, 10, 15, 20]],
    [20.6, 20, [0, 5, 10, 15, 20]],
    [0.4, 11, [0, 5, 11]],
    [0.4, 512, [0, 200, 512]],
  ] as const) {
    const axis = rateAxis(peak, plan, "plan", 4);
    assert.deepEqual(axis.labels, labels, `${peak} of ${plan}`);
    assert.equal(axis.top, Math.max(peak, plan));
    assert.equal(axis.plan, plan);
  }
});

test("a rate above the plan is in sight, and so is the plan", () => {
  const axis = rateAxis(29.7, 11, "plan", 4);
  assert.ok(axis.top >= 29.7);
  assert.equal(axis.plan, 11);
  assert.ok(axis.labels.includes(11) && !axis.labels.includes(10), "no label crowds the plan's");
});

test("zooming in, and a plan that is not known, follow the rates", () => {
  const zoomed = rateAxis(1.2, 20, "peak", 4);
  assert.deepEqual([zoomed.labels, zoomed.plan], [[0, 0.5, 1, 1.5], null]);
  assert.deepEqual(rateAxis(33.65, null, "plan", 4).labels, [0, 10, 20, 30, 40]);
  const idle = rateAxis(0, null, "plan", 4);
  assert.ok(idle.labels.every((label) => Math.abs(label * 100 - Math.round(label * 100)) < 1e-9), "two decimals at most");
});

test("no axis has a zero below zero", () => {
  assert.ok(Object.is(multiples(20, 0, 60)[0], 0));
});

test("time labels do not crowd", () => {
  for (const pixels of [230, 264, 300, 880]) {
    for (const minutes of [1, 5, 15, 120, 1_440, 10_080]) {
      const step = timeStep(minutes * 60, pixels, 74);
      assert.ok((step / (minutes * 60)) * pixels >= 74, `${minutes} min at ${pixels} px: each ${step} s`);
    }
  }
  assert.equal(timeStep(60, 264, 74), 20);
  assert.equal(timeStep(7_200, 290, 60), 1_800, "half hours, not twenty-five minutes");
});

test("the table tells now, peak, average, plan and the window in twelve parts", () => {
  const now = 1_795_363_200_000;
  const points = Array.from({ length: 50 }, (_, i) => ({ t: now - i * 1_000, down: 14_780_000, up: i === 0 ? M : 0, interval: 1_000, rtt: i === 7 ? 340_000 : i === 9 ? null : 12_000 })).reverse();
  const rows = rowsOf({ points, current: points[49] ?? null, plan: { down: 50 * M, up: null }, unit: unitOf({ down: 50 * M, up: null }, 0, "bits"), minutes: 1, now });
  const plain = rows.map((row) => row.map((text) => text.replace(/\u00a0/g, " ")));
  assert.equal(rows.length, 16);
  assert.deepEqual(plain[0], ["Now", "14.8 Mbps", "1.00 Mbps", "12 ms"]);
  assert.deepEqual(plain[1], ["Peak", "14.8 Mbps", "1.00 Mbps", "340 ms"]);
  assert.deepEqual(plain[2], ["Average", "14.8 Mbps", "0.02 Mbps", "12 ms"]);
  assert.deepEqual(plain[3], ["Plan", "50 Mbps", "–", "–"]);
  assert.deepEqual(plain[4]?.slice(1), ["14.8 Mbps", "0.20 Mbps", "12 ms"]);
  assert.deepEqual(plain[15]?.slice(1), ["–", "–", "–"], "nothing is known of that time");
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
  assert.deepEqual(loadSettings(storage), { minutes: 1, units: "bits", zoom: "plan" });
  saveSettings(storage, { minutes: 15, units: "bytes", zoom: "peak" });
  assert.deepEqual(loadSettings(storage), { minutes: 15, units: "bytes", zoom: "peak" });
  kept.set("linelight", '{"minutes":7,"units":"furlongs"}');
  assert.deepEqual(loadSettings(storage), { minutes: 1, units: "bits", zoom: "plan" });
  kept.set("linelight", "{");
  assert.deepEqual(loadSettings(storage), { minutes: 1, units: "bits", zoom: "plan" });
});

test("a browser that refuses to keep anything is no error", () => {
  const storage = (): Storage => {
    throw new Error("denied");
  };
  assert.deepEqual(loadSettings(storage), { minutes: 1, units: "bits", zoom: "plan" });
  saveSettings(storage, { minutes: 5, units: "bits", zoom: "plan" });
});

for (const [file, page] of [["index.html", strings.page], ["console.html", desk.page]] as const) {
  test(`${file} names strings that exist, refers to assets alone, and holds nothing that the policy forbids`, () => {
    const html = readFileSync(file, "utf8");
    const names = [...html.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] as string);
    assert.ok(names.length > 3);
    for (const name of names) assert.ok(name in page, name);
    for (const [, url] of html.matchAll(/(?:src|href)="([^"]+)"/g)) assert.match(url as string, /^(\[\[base\]\]\/assets\/|\[\[base\]\]\/manifest\.webmanifest$|data:)/);
    assert.doesNotMatch(html, /\sstyle=|\son\w+=|<style|<script>/);
  });
}
