// One line in a small frame: the state and its verdict, two figures, two small charts; without figures, one sentence in the
// charts' place. Every decision is the page's own.

import { part, setAttributes, setText } from "../dom.ts";
import { Announcer } from "../line/announcer.ts";
import { assessFeed } from "../line/assessing.ts";
import { Feed, type Instant } from "../line/feed.ts";
import { MESSAGES, SHAPES } from "../line/page.ts";
import { Plotting } from "../line/plotting.ts";
import { figureOf, type Unit, unitOf } from "../line/rate.ts";
import { type Said, tell } from "../line/sentences.ts";
import type { Settings } from "../line/settings.ts";
import type { Direction, Frame, Target } from "../live/frame.ts";
import type { Link } from "../live/link.ts";
import { strings } from "../words/en.ts";

/** A widget has no controls: the last minute, up to the plan, in bits. */
const SETTINGS: Settings = { minutes: 1, units: "bits", zoom: "plan" };

/** The frame's height without a sentence, and the room of two charts in it, in pixels at the usual size of letters. */
const USUAL = 220;
const CHARTS = 100;

/** The widget of one line, or of none. */
export class Widget {
  readonly #clock: () => Instant;
  readonly #changed: () => void;
  readonly #figures = { down: figure("down"), up: figure("up") };
  readonly #announcer = new Announcer();
  #plotting: Plotting | null = null;
  #feed = new Feed();
  #target: Target | null = null;
  #link: Link = { kind: "none" };

  /** `changed` is called after each rendering: the widget may need another height. */
  constructor(clock: () => Instant, changed: () => void) {
    this.#clock = clock;
    this.#changed = changed;
    this.#withCharts(() => {
      this.#plotting = new Plotting(document);
    });
  }

  /** Begins anew with a target, or with none for a reason. */
  begin(target: Target | null, link: Link): void {
    this.#target = target;
    this.#link = link;
    this.#feed = new Feed();
    this.#withCharts(() => this.#plotting?.clear());
    this.render();
  }

  /** Takes the state of the connection. */
  link(link: Link): void {
    this.#link = link;
    this.render();
  }

  /** Takes a frame of the relay. */
  frame(frame: Frame): void {
    this.#feed.take(frame, this.#clock());
    if (frame.type !== "error") this.render();
  }

  /** Brings words, figures and charts up to date. */
  render(): void {
    const at = this.#clock();
    const feed = this.#feed;
    const now = feed.now(at);
    const unit = unitOf(feed.plan, feed.highest, SETTINGS.units);
    const { state, figures } = assessFeed(feed, this.#link, this.#target, at);
    const said = tell(state, unit, now ?? 0);
    const current = figures ? (feed.newest ?? null) : null;
    show(said, current !== null);
    for (const direction of ["down", "up"] as const) this.#figures[direction](current?.[direction] ?? null, unit);
    this.#announce(said, at);
    if (now !== null) {
      const points = feed.after(now - SETTINGS.minutes * 60_000);
      this.#withCharts(() => this.#plotting?.draw(feed, points, SETTINGS, unit, now));
    }
    this.#changed();
  }

  /** Moves the charts on. */
  scroll(): void {
    this.#withCharts(() => this.#plotting?.scroll(this.#feed, this.#clock()));
  }

  /** A state that passes is not told, nor are figures: the portal's page has words of its own. */
  #announce(said: Said, at: Instant): void {
    if (said.sign === "dots") return;
    const text = strings.spokenState(said.pill, said.title, said.detail);
    const spoken = this.#announcer.next({ name: said.name, text, figures: null }, at.monotonic);
    if (spoken !== null) setText(part(document, "#spoken"), spoken);
  }

  /** Runs a piece of drawing; a browser that cannot draw keeps its figures. */
  #withCharts(draw: () => void): void {
    try {
      draw();
    } catch (fault) {
      this.#plotting = null;
      document.body.dataset["chart"] = "none";
      console.error(fault);
    }
  }
}

/** Returns the height that the widget needs for its present words, in pixels. */
export function neededHeight(): number {
  const of = (selector: string): number => part(document, selector).offsetHeight;
  const size = parseFloat(getComputedStyle(document.documentElement).fontSize) / 10 || 1;
  const words = part(document, "#says").offsetHeight === 0 ? CHARTS * size : part(document, "#says").scrollHeight;
  const style = getComputedStyle(part(document, "main"));
  return Math.max(USUAL, Math.ceil(of("#state") + of(".figures") + words + parseFloat(style.paddingTop) + parseFloat(style.paddingBottom)));
}

/** Shows the state: with figures its verdict in a row, without them a sentence in the charts' place. */
function show(said: Said, hasFigures: boolean): void {
  const { dataset } = document.body;
  dataset["state"] = said.name;
  dataset["view"] = MESSAGES.has(said.name) ? "message" : hasFigures ? "figures" : "words";
  part(document, "#state").dataset["tone"] = said.tone;
  setAttributes(part(document, "#shape"), { d: SHAPES[said.shape] });
  setText(part(document, "#pill"), said.pill);
  setText(part(document, "#verdict"), said.title);
  setText(part(document, "#title"), said.title);
  setText(part(document, "#detail"), said.detail);
}

/** Returns what shows one direction's figure; null is a dash. */
function figure(direction: Direction): (bitsPerSecond: number | null, unit: Unit) => void {
  const card = part(document, `.figure[data-direction=${direction}]`);
  const number = part(card, ".number");
  const name = part(card, ".unit");
  return (bitsPerSecond, unit) => {
    setText(number, bitsPerSecond === null ? strings.dash : figureOf(bitsPerSecond, unit));
    setText(name, bitsPerSecond === null ? "" : unit.name);
  };
}
