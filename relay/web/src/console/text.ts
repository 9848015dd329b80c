// Texts of other people: routers, files, customers, staff. Each is isolated from the text around it, and its invisible
// characters are shown as what they are.

import { element } from "../dom.ts";

/** Controls, overrides of direction, and characters without a width. Joiners stay: Persian and Hindi need them. */
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Returns a text whose invisible characters are written as `[U+202E]`. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (found) => `[U+${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);
}

/** Returns a text as an element that keeps its direction to itself. */
export function isolated(text: string): HTMLElement {
  return element("bdi", {}, visible(text));
}

/** Cuts a text at the places of a search, so that the places can be marked. Beginnings of words, without regard to case and accents. */
export function marked(text: string, query: string): { text: string; isHit: boolean }[] {
  const shown = visible(text);
  const words = query.split(/\s+/).map(folded).filter((word) => word !== "");
  const plain = [...shown].map(folded);
  const hits = new Set<number>();
  for (const word of words) {
    const at = place(plain, word);
    for (let i = at.from; i < at.to; i += 1) hits.add(i);
  }
  const parts: { text: string; isHit: boolean }[] = [];
  [...shown].forEach((character, i) => {
    const last = parts[parts.length - 1];
    if (last !== undefined && last.isHit === hits.has(i)) last.text += character;
    else parts.push({ text: character, isHit: hits.has(i) });
  });
  return parts;
}

/** The first word of a text that begins with `word`: its characters from and to; an empty place where there is none. */
function place(plain: readonly string[], word: string): { from: number; to: number } {
  for (let from = 0; from < plain.length; from += 1) {
    if (from > 0 && /[\p{L}\p{N}]/u.test(plain[from - 1] ?? "") && /[\p{L}\p{N}]/u.test(plain[from] ?? "")) continue;
    let [to, read] = [from, ""];
    while (to < plain.length && read.length < word.length) read += plain[to++];
    if (read === word) return { from, to };
  }
  return { from: 0, to: 0 };
}

function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
