// One line on the page: joins the feed, the states and the drawing files. Frames come in, `render` brings the page up to
// date; every decision is a pure function's.

import { part, setText } from "../dom.ts";
import { usernameOf } from "../live/address.ts";
import type { Direction, Frame, Target } from "../live/frame.ts";
import type { Link } from "../live/link.ts";
import { strings } from "../words/en.ts";
import { Answering } from "./answering.ts";
import { assessFeed, evidenceOf } from "./assessing.ts";
import type { Chart } from "./chart.ts";
import { copyOnClick } from "./copying.ts";
import { type Ask, Behind } from "./days.ts";
import { Feed, type Instant } from "./feed.ts";
import { noteOf } from "./notes.ts";
import { Page } from "./page.ts";
import { Plotting } from "./plotting.ts";
import { rateText, type Unit, unitOf } from "./rate.ts";
import { type Move, type Read, Reading, summaryOf } from "./reading.ts";
import { Readout } from "./readout.ts";
import { type Said, tell } from "./sentences.ts";
import type { Settings } from "./settings.ts";
import type { Assessed } from "./states.ts";
import { gapLimit, type Point, summarise, type Summary } from "./store.ts";
import { Table } from "./table.ts";

/** The two clocks of the browser. */
export type Clocks = () => Instant;

/** The page of one line, or of none. */
export class Monitor {
  readonly #clocks: Clocks;
  readonly #page = new Page();
  readonly #readouts = [new Readout(document, "down"), new Readout(document, "up")] as const;
  readonly #note = part(document, "#note");
  readonly #summaries = { down: summaryTexts("down"), up: summaryTexts("up") };
  readonly #answering = new Answering(() => this.render());
  readonly #table = new Table(document, () => this.render());
  readonly #behind: Behind;
  #plotting: Plotting | null = null;
  #reading: Reading | null = null;
  #feed = new Feed();
  #settings: Settings;
  #target: Target | null = null;
  #link: Link = { kind: "none" };
  /** The instant that the reader chose in the charts. */
  #chosen: number | null = null;

  constructor(settings: Settings, clocks: Clocks, ask: Ask | null = null) {
    this.#behind = new Behind(ask);
    this.#settings = settings;
    this.#clocks = clocks;
    this.#withChart(() => {
      const plotting = new Plotting(document);
      this.#reading = new Reading(plotting.chart.hosts, (move) => this.#move(move));
      this.#plotting = plotting;
    });
    copyOnClick(() => this.#summary());
  }

  /** Begins anew with a target, or with none for a reason. */
  begin(target: Target | null, link: Link): void {
    this.#target = target;
    this.#feed = new Feed();
    this.#chosen = null;
    this.#link = link;
    this.#withChart(() => this.#plotting?.clear());
    this.#page.expect(target, target === null ? null : usernameOf(target));
    this.render();
  }

  /** Takes other choices of the reader. */
  choose(settings: Settings): void {
    this.#settings = settings;
    this.render();
  }

  /** Takes the state of the connection. */
  link(link: Link): void {
    this.#link = link;
    this.render();
  }

  /** Takes a frame of the relay. */
  frame(frame: Frame): void {
    this.#feed.take(frame, this.#clocks());
    if (frame.type === "snapshot") this.#page.identify(frame.identity);
    if (frame.type !== "error") this.render();
  }

  /** Brings words and figures up to date; called for each event and once a second, because figures age. */
  render(): void {
    const at = this.#clocks();
    const now = this.#feed.now(at);
    const unit = this.#unit();
    const { state, figures } = this.#assess(at);
    const said = tell(state, unit, now ?? 0);
    const current = figures ? (this.#feed.newest ?? null) : null;
    const { plan, identity } = this.#feed;

    this.#page.say(said);
    this.#page.accompany(this.#link.kind === "open" && this.#feed.status?.support === true);
    this.#page.entitle(said, current, identity, unit);
    this.#page.announce(said, current, unit, at.monotonic);
    for (const [i, direction] of (["down", "up"] as const).entries()) {
      this.#readouts[i as 0 | 1].show(current?.[direction] ?? null, plan, unit);
    }
    const evidence = evidenceOf(this.#feed, at);
    this.#answering.show(this.#feed, evidence, current);
    this.#answering.explain(state.kind === "running", this.#feed.recent(now ?? 0), plan, unit, evidence);
    if (now !== null) this.#renderPast(now, current, unit);
    void this.#lookBack(at);
  }

  async #lookBack(at: Instant): Promise<void> {
    const target = this.#target;
    const days = await this.#behind.wanted(target, this.#settings.minutes, at.monotonic);
    if (days === null || target !== this.#target) return;
    this.#feed.past(days);
    this.render();
  }

  /** Moves the charts on; called for each picture of the screen, or each second where the reader wants less motion. */
  scroll(): void {
    this.#withChart(() => this.#plotting?.scroll(this.#feed, this.#clocks()));
  }

  /** The line's past: charts, reading, summaries, table, note. */
  #renderPast(now: number, current: Point | null, unit: Unit): void {
    const { minutes } = this.#settings;
    const from = now - minutes * 60_000;
    const points = this.#feed.after(from);
    const { plan, status } = this.#feed;
    for (const direction of ["down", "up"] as const) this.#summaries[direction](summarise(points, direction), unit);
    this.#answering.sum(points);
    setText(this.#note, noteOf(points, status, from, minutes));
    this.#table.show({ points, current, plan, unit, minutes, now });
    this.#withChart(() => this.#plotting?.draw(this.#feed, points, this.#settings, unit, now));
    if (this.#chosen !== null && this.#chosen < from) this.#chosen = null;
    this.#showReading(now);
  }

  get #chart(): Chart | undefined {
    return this.#plotting?.chart;
  }

  #unit(): Unit {
    return unitOf(this.#feed.plan, this.#feed.highest, this.#settings.units);
  }

  #assess(at: Instant): Assessed {
    return assessFeed(this.#feed, this.#link, this.#target, at);
  }

  #move(move: Move): void {
    const now = this.#feed.now(this.#clocks());
    if (now === null) return;
    this.#chosen = this.#moved(move, this.#feed.after(now - this.#settings.minutes * 60_000));
    this.#showReading(now);
  }

  /** The instant after a move; keys go from figure to figure. */
  #moved(move: Move, points: readonly Point[]): number | null {
    if (move.kind === "none") return null;
    if (move.kind === "to") return this.#chart?.timeAt(move.clientX) ?? null;
    const last = points.length - 1;
    const at = this.#chosen === null ? last + 1 : nearest(points, this.#chosen);
    const aim = move.kind === "first" ? 0 : move.kind === "last" ? last : Math.min(last, Math.max(0, at + move.figures));
    return points[aim]?.t ?? null;
  }

  #showReading(now: number): void {
    const read = this.#chosen === null ? null : this.#readAt(this.#chosen);
    const from = now - this.#settings.minutes * 60_000;
    this.#reading?.show(read, this.#feed.plan, this.#unit(), from, now);
    this.#withChart(() => this.#chart?.mark(read));
  }

  /** The figure of an instant: a sample next to it, or the average around it. */
  #readAt(t: number): Read {
    const points = this.#feed.after(t - this.#settings.minutes * 60_000);
    const point = points[nearest(points, t)];
    if (point === undefined) return { t, point: null };
    const isThere = point.coarse ? t > point.t - point.interval && t <= point.t : Math.abs(point.t - t) <= gapLimit(point.interval) / 2;
    return isThere ? { t: point.coarse ? t : point.t, point } : { t, point: null };
  }

  #summary(): string {
    const at = this.#clocks();
    const { state, figures } = this.#assess(at);
    const said: Said = tell(state, this.#unit(), this.#feed.now(at) ?? 0);
    const now = { t: this.#feed.now(at) ?? at.wall, point: figures ? (this.#feed.newest ?? null) : null };
    const read = this.#chosen === null ? now : this.#readAt(this.#chosen);
    const name = this.#feed.identity?.display ?? strings.page.line;
    return summaryOf(name, read, this.#feed.plan, this.#unit(), said.title);
  }

  /** Runs a piece of drawing; a browser that cannot draw keeps its figures and loses the charts. */
  #withChart(draw: () => void): void {
    try {
      draw();
    } catch (fault) {
      this.#plotting = null;
      this.#page.loseChart();
      console.error(fault);
    }
  }
}

/** The index of the point for an instant: the first average around it, or the sample closest to it. */
function nearest(points: readonly Point[], t: number): number {
  let best = -1;
  let least = Infinity;
  points.forEach((point, i) => {
    const isWithin = point.coarse && t > point.t - point.interval && t <= point.t;
    const distance = isWithin ? 0 : Math.abs(point.t - t);
    if (distance < least) [best, least] = [i, distance];
  });
  return best;
}

/** Returns a function that shows one direction's peak and average. */
function summaryTexts(direction: Direction): (summary: Summary | null, unit: Unit) => void {
  const panel = part(document, `.panel[data-direction=${direction}]`);
  const peak = part(panel, ".peak");
  const average = part(panel, ".average");
  return (summary, unit) => {
    setText(peak, rateText(summary?.peak ?? null, unit));
    setText(average, rateText(summary?.average ?? null, unit));
  };
}
