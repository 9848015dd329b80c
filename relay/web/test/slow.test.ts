// Slow reports: what counts as one, and its words.

import assert from "node:assert/strict";
import { test } from "node:test";
import { reportOf, sayReport } from "../src/line/slow.ts";

const NOW = 1_795_363_200_000;
const REPORT = { number: 17, made: NOW - 60_000, answer: null, closed: null };

test("a report is read, and anything else is none", () => {
  assert.deepEqual(reportOf({ ...REPORT, further: true }), REPORT);
  for (const value of [null, undefined, 17, "17", {}, { number: "17", made: NOW }, { number: 17 }]) assert.equal(reportOf(value), null);
});

test("a report says how far it is, and an answer wins", () => {
  const said = (more: object): string => sayReport({ ...REPORT, ...more }, NOW);
  assert.match(said({}), /^Report 17, of .+\. Your provider has it\./);
  assert.match(said({ closed: NOW }), /Your provider has closed it\.$/);
  for (const closed of [null, NOW]) assert.match(said({ answer: "A mast has no power.", closed }), /Your provider says: A mast has no power\.$/);
});
