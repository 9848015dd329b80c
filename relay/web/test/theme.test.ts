// The widget's colours: what a portal asks for is taken where every text stays legible.

import assert from "node:assert/strict";
import { test } from "node:test";
import { granted, type Palette, readWishes } from "../src/embed/theme.ts";

const LIGHT: Palette = { ground: "#ffffff", texts: ["#14181f", "#566070", "#0b7a43"] };
const DARK: Palette = { ground: "#171c24", texts: ["#eef1f6", "#a3aebd", "#3ecf83"] };

test("a query names theme and colours, with # or without", () => {
  assert.deepEqual(readWishes("?theme=dark&back=10305A&accent=%23b4a7ff"), { theme: "dark", back: "#10305a", accent: "#b4a7ff" });
  assert.deepEqual(readWishes(""), { theme: "auto", back: null, accent: null });
  for (const text of ["red", "10305", "10305a0", "%22%3E", "url(x)", "#10305a;"]) {
    assert.deepEqual(readWishes(`?theme=night&back=${text}&accent=${text}`), { theme: "auto", back: null, accent: null }, text);
  }
});

test("a ground is taken where every text of the theme is legible on it", () => {
  const back = (colour: string, palette: Palette) => granted({ theme: "auto", back: colour, accent: null }, palette).back;
  assert.equal(back("#fffdf8", LIGHT), "#fffdf8");
  assert.equal(back("#10305a", DARK), "#10305a");
  assert.equal(back("#10305a", LIGHT), null);
  assert.equal(back("#888888", LIGHT), null);
  assert.equal(back("#888888", DARK), null);
});

test("an accent is judged on the ground that the widget has in the end", () => {
  const accent = (back: string | null, colour: string, palette: Palette) => granted({ theme: "auto", back, accent: colour }, palette).accent;
  assert.equal(accent(null, "#1d5fd1", LIGHT), "#1d5fd1");
  assert.equal(accent(null, "#ffee00", LIGHT), null);
  assert.equal(accent("#10305a", "#ffee00", DARK), "#ffee00");
  assert.equal(accent("#888888", "#1d5fd1", LIGHT), "#1d5fd1", "the ground is the widget's own");
});

test("a palette that cannot be read grants nothing", () => {
  assert.deepEqual(granted({ theme: "auto", back: "#ffffff", accent: "#000000" }, { ground: "", texts: [""] }), { back: null, accent: null });
});
