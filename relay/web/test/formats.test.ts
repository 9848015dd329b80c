// Numbers and times where the browser knows no language, has an odd one, or has no Intl.

import assert from "node:assert/strict";
import { test } from "node:test";
import { formats } from "../src/words/formats.ts";

const T = new Date(2026, 10, 28, 9, 5, 3).getTime();

test("the first language that the browser takes is used", () => {
  for (const odd of ["C", "", "en_US.UTF-8", "xx-not-a-language-at-all"]) {
    const { number, seconds, date } = formats(odd, "en-GB");
    assert.equal(number(14.78, 1, 1), "14.8", odd);
    assert.equal(seconds(T), "09:05:03", odd);
    assert.equal(date(T), "28 November 2026", odd);
  }
});

test("without a language that works, plain numbers and times", () => {
  const { number, minutes, seconds, day, date } = formats("C");
  assert.deepEqual([number(14.78, 1, 1), number(0.4, 2, 2), number(50, 0, 2), number(2.5, 0, 2), number(100, 0, 0)], ["14.8", "0.40", "50", "2.5", "100"]);
  assert.deepEqual([minutes(T), seconds(T), day(T), date(T)], ["09:05", "09:05:03", "11-28", "2026-11-28"]);
});

test("without Intl the same", () => {
  const intl = globalThis.Intl;
  try {
    Object.defineProperty(globalThis, "Intl", { configurable: true, value: undefined });
    const { number, seconds } = formats("en");
    assert.equal(number(18.94, 1, 1), "18.9");
    assert.equal(seconds(T), "09:05:03");
  } finally {
    Object.defineProperty(globalThis, "Intl", { configurable: true, value: intl });
  }
});
