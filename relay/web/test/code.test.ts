// The code of eight digits: what counts as one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { digitsOf } from "../src/line/code.ts";

test("a code is eight digits, however they are spaced", () => {
  for (const typed of ["12345678", "1234 5678", " 1234-5678\n", "12 34 56 78"]) assert.equal(digitsOf(typed), "12345678", typed);
  for (const typed of ["", "1234567", "123456789", "1234567x", "\u06612345678", "1234.5678"]) assert.equal(digitsOf(typed), null, typed);
});
