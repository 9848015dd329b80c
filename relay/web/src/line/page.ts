// The page's words around the chart: whose line, the pill, the sentence, the tab's title, the tip, the announcements. Draws
// what it is told and decides nothing.

import { Announcer } from "./announcer.ts";
import { part, setText } from "../dom.ts";
import type { Identity, Target } from "../live/frame.ts";
import { rateText, type Units } from "./rate.ts";
import type { Said } from "./states.ts";
import type { Point } from "./store.ts";
import { strings } from "../words/en.ts";

/** The states in which there is no line to show, but a message alone. */
const MESSAGES = new Set(["expired", "refused", "name_refused", "outdated", "too_fast", "none", "elsewhere"]);

/** The states that pass so soon that nobody needs to be told. */
const PASSING = new Set(["connecting", "waiting"]);

/** The words of the page. */
export class Page {
  readonly #announcer = new Announcer();
  readonly #brand = part(document, "#brand");
  readonly #pill = part(document, "#pill");
  readonly #pillText = part(document, "#pill-text");
  readonly #name = part(document, "#name");
  readonly #package = part(document, "#package");
  readonly #username = part(document, "#username");
  readonly #verdict = part(document, "#verdict");
  readonly #title = part(document, "#title");
  readonly #detail = part(document, "#detail");
  readonly #tip = part(document, "#tip");
  readonly #expires = part(document, "#expires");
  readonly #spoken = part(document, "#spoken");

  /** What is known of a line before the relay answers: room for the name and what follows it. */
  expect(target: Target | null, username: string | null): void {
    setText(this.#brand, "");
    setText(this.#name, target?.kind === "username" ? (username ?? "") : strings.page.line);
    setText(this.#package, "");
    setText(this.#username, target?.kind === "token" ? (username ?? "") : "");
    setText(this.#tip, strings.tip);
    setText(this.#expires, "");
    document.body.dataset["access"] = target?.kind ?? "none";
  }

  /** Whose line it is. */
  identify(identity: Identity): void {
    setText(this.#brand, identity.brand ?? strings.page.product);
    setText(this.#name, nameOf(identity));
    setText(this.#package, identity.package ?? "");
    setText(this.#username, identity.customer === null ? "" : identity.display);
    setText(this.#expires, identity.expires === null ? "" : strings.tipExpires(strings.date(identity.expires)));
    document.body.dataset["access"] = "known";
  }

  /** How it is with the line, in words. */
  say(said: Said): void {
    document.body.dataset["state"] = said.name;
    const isMessage = MESSAGES.has(said.name);
    document.body.dataset["view"] = isMessage ? "message" : "line";
    if (isMessage && this.#brand.textContent === "") setText(this.#brand, strings.page.product);
    this.#pill.dataset["tone"] = said.tone;
    this.#verdict.dataset["tone"] = said.sign;
    setText(this.#pillText, said.pill);
    setText(this.#title, said.title);
    setText(this.#detail, said.detail);
  }

  /** The same for the browser's tab: figures where they are current, the state otherwise. */
  entitle(said: Said, current: Point | null, identity: Identity | null, units: Units): void {
    const name = identity === null ? strings.page.product : nameOf(identity);
    const figures =
      current === null ? said.pill : strings.titleFigures(rateText(current.down, units), rateText(current.up, units));
    const title = strings.title(figures, name);
    if (document.title !== title) document.title = title;
  }

  /** The same for a screen reader, when it is news. `now` is monotonic. */
  announce(said: Said, current: Point | null, units: Units, now: number): void {
    if (PASSING.has(said.name)) return;
    const text =
      current === null
        ? strings.spokenState(said.pill, said.title, said.detail)
        : strings.spoken(said.pill, rateText(current.down, units), rateText(current.up, units), said.title);
    const spoken = this.#announcer.next({ name: said.name, text, figures: current }, now);
    if (spoken !== null) setText(this.#spoken, spoken);
  }
}

function nameOf(identity: Identity): string {
  return identity.customer ?? identity.display;
}
