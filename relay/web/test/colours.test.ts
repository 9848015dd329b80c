// The provider's colour for upload: legible in both themes, whatever it is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { contrast, uploadColours } from "../src/line/colours.ts";

const rgb = (text: string) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)) as [number, number, number];

test("every colour becomes legible on the card of each theme", () => {
  for (const colour of ["#1d5fd1", "#ff00ff", "#000000", "#ffffff", "#808080", "#ffee00", "#0000ff", "#7b1fa2"]) {
    const found = uploadColours(colour);
    assert.ok(found !== null);
    assert.ok(contrast(rgb(found.light), [255, 255, 255]) >= 4.5, `${colour} in light: ${found.light}`);
    assert.ok(contrast(rgb(found.dark), [23, 28, 36]) >= 4.5, `${colour} in dark: ${found.dark}`);
  }
});

test("a colour that is legible stays", () => {
  assert.equal(uploadColours("#1d5fd1")?.light, "#1d5fd1");
  assert.equal(contrast([0, 0, 0], [255, 255, 255]), 21);
});

test("any other text is no colour", () => {
  for (const text of ["", "blue", "#12", "#12345g", "[[upload]]", "#1234567"]) assert.equal(uploadColours(text), null);
});
