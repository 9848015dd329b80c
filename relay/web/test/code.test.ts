// The code of eight digits: what counts as one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { digitsOf } from "../src/line/code.ts";

test("a code is eight digits, however they are spaced", () => {
  for (const typed of ["12345678", "1234 5678", " 1234-5678\n", "12 34 56 78", "1234\u20135678"]) assert.equal(digitsOf(typed), "12345678", typed);
  for (const typed of ["", "1234567", "123456789", "1234567x", "1234.5678", "\u{1d7ce}2345678"]) assert.equal(digitsOf(typed), null, typed);
});

test("a code may have the digits of other keyboards", () => {
  for (const typed of ["١٢٣٤٥٦٧٨", "\u200f١٢٣٤ ٥٦٧٨", "۱۲۳۴۵۶۷۸", "१२३४५६७८", "১২৩৪৫৬৭৮", "１２３４　５６７８", "1234٥٦٧٨"]) {
    assert.equal(digitsOf(typed), "12345678", typed);
  }
});
