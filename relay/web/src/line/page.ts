// The page's words around the charts: the line's owner, the pill, the sentence, the tab's title, the tip, announcements.

import { part, setAttributes, setText } from "../dom.ts";
import type { Identity, Target } from "../live/frame.ts";
import { strings } from "../words/en.ts";
import { Announcer } from "./announcer.ts";
import { figureOf, rateText, type Unit } from "./rate.ts";
import type { Said, Shape, Sign } from "./sentences.ts";
import type { Point } from "./store.ts";

/** The states in which there is no line to show, but a message alone. */
export const MESSAGES: ReadonlySet<string> = new Set(["expired", "refused", "cut", "name_refused", "outdated", "too_fast", "opened_elsewhere", "none", "elsewhere"]);

/** The states that pass so soon that nobody needs to be told. */
const PASSING = new Set(["connecting", "waiting"]);

/** A longer name gets smaller letters, in characters. */
const LONG_NAME = 24;

/** The sign beside the sentence, as paths in a box of 24. */
const SIGNS: Readonly<Record<Sign, string>> = {
  tick: "m7.5 12.5 3.2 3.2 6-7",
  mark: "M12 6.5v7M12 17.2v.1",
  dots: "M7.5 12h.1M12 12h.1M16.5 12h.1",
};

/** The pill's shapes, as paths in a box of 12. */
export const SHAPES: Readonly<Record<Shape, string>> = {
  disc: "M6 2a4 4 0 1 0 .01 0z",
  square: "M2 2h8v8H2z",
  triangle: "M6 1.5 11 10.5H1z",
  diamond: "M6 .5 11.5 6 6 11.5.5 6z",
  ring: "M6 1a5 5 0 1 0 .01 0zM6 3.5a2.5 2.5 0 1 1-.01 0z",
};

/** The words of the page. */
export class Page {
  readonly #announcer = new Announcer();
  readonly #pill = part(document, "#pill");
  readonly #shape = part(document, "#shape");
  readonly #pillText = part(document, "#pill-text");
  readonly #name = part(document, "#name");
  readonly #package = part(document, "#package");
  readonly #username = part(document, "#username");
  readonly #verdict = part(document, "#verdict");
  readonly #sign = part(document, "#sign");
  readonly #title = part(document, "#title");
  readonly #detail = part(document, "#detail");
  readonly #tip = part(document, "#tip");
  readonly #expires = part(document, "#expires");
  readonly #looking = part(document, "#looking");
  readonly #spoken = part(document, "#spoken");
  readonly #fault = part(document, "#fault");

  /** Shows the knowledge of a line before the relay answers. */
  expect(target: Target | null, username: string | null): void {
    this.#showName(target?.kind === "username" ? (username ?? "") : strings.page.line);
    setText(this.#package, "");
    setText(this.#username, target?.kind === "token" ? (username ?? "") : "");
    setText(this.#tip, strings.tip);
    setText(this.#expires, "");
  }

  /** Shows whose line the page is of. */
  identify(identity: Identity): void {
    this.#showName(nameOf(identity));
    setText(this.#package, identity.package ?? "");
    setText(this.#username, identity.customer === null ? "" : identity.display);
    setText(this.#expires, identity.expires === null ? "" : strings.tipExpires(strings.date(identity.expires)));
  }

  /** Shows the state of the line, in words. */
  say(said: Said): void {
    document.body.dataset["state"] = said.name;
    document.body.dataset["view"] = MESSAGES.has(said.name) ? "message" : "line";
    this.#pill.dataset["tone"] = said.tone;
    this.#verdict.dataset["tone"] = said.tone;
    setAttributes(this.#shape, { d: SHAPES[said.shape] });
    setAttributes(this.#sign, { d: SIGNS[said.sign] });
    setText(this.#pillText, said.pill);
    setText(this.#title, said.title);
    setText(this.#detail, said.detail);
  }

  /** Says whether the provider's staff look at the line too. */
  accompany(support: boolean): void {
    this.#looking.hidden = !support;
  }

  /** Shows the same in the browser's tab: current figures, or the state. */
  entitle(said: Said, current: Point | null, identity: Identity | null, unit: Unit): void {
    const name = identity === null ? document.documentElement.dataset["brand"] || strings.page.product : nameOf(identity);
    const figures =
      current === null ? said.pill : strings.titleFigures(figureOf(current.down, unit), figureOf(current.up, unit), unit.name);
    const title = strings.title(figures, name);
    if (document.title !== title) document.title = title;
  }

  /** Tells a screen reader the same when it is news. `now` is monotonic, in milliseconds. */
  announce(said: Said, current: Point | null, unit: Unit, now: number): void {
    if (PASSING.has(said.name)) return;
    const text =
      current === null
        ? strings.spokenState(said.pill, said.title, said.detail)
        : strings.spoken(said.pill, said.title, rateText(current.down, unit), rateText(current.up, unit));
    const spoken = this.#announcer.next({ name: said.name, text, figures: current }, now);
    if (spoken !== null) setText(this.#spoken, spoken);
  }

  /** Says that the charts are missing. */
  loseChart(): void {
    document.body.dataset["chart"] = "none";
    this.#fault.hidden = false;
    setText(this.#fault, strings.page.chartFault);
  }

  #showName(name: string): void {
    setText(this.#name, name);
    this.#name.classList.toggle("long", name.length > LONG_NAME);
  }
}

function nameOf(identity: Identity): string {
  return identity.customer ?? identity.display;
}
