// One line on the page: joins the connection, the samples, the states and what draws them. Frames come in, `render` brings
// the page up to date; whatever needs a decision is decided elsewhere by pure functions.

import { part, setText } from "../dom.ts";
import { usernameOf } from "../live/address.ts";
import type { Link } from "../live/link.ts";
import { Chart } from "./chart.ts";
import { RelayClock } from "../live/clock.ts";
import type { Averages, Direction, Frame, Identity, Plan, Status, Target } from "../live/frame.ts";
import { Page } from "./page.ts";
import { Readout } from "./readout.ts";
import { rateText } from "./rate.ts";
import type { Settings } from "./settings.ts";
import { onAverages, type Said, say } from "./states.ts";
import { type Point, Store, type Summary, summarise } from "./store.ts";
import { strings } from "../words/en.ts";
import { Table } from "./table.ts";
import { judge, LOOK_BACK } from "./verdict.ts";

/** A chart ends so long before the relay's clock that its newest sample has usually arrived, in milliseconds. */
const LATE = 350;

/** How fast the chart's end follows a changed interval: the share of the difference for each draw. */
const EASE = 0.05;

const USUAL_INTERVAL = 1_000;

/** One instant by the browser's two clocks. */
interface Instant {
  monotonic: number;
  wall: number;
}
const NO_PLAN: Plan = { down: null, up: null };

/** The page of one line, or of none. */
export class Monitor {
  readonly #page = new Page();
  readonly #readouts: Record<Direction, Readout> = {
    down: new Readout(document, "down"),
    up: new Readout(document, "up"),
  };
  readonly #coarse = part(document, "#coarse");
  readonly #summaries = { down: summaryOf("down"), up: summaryOf("up") };
  readonly #chart = new Chart(document);
  readonly #table = new Table(document, () => this.render());
  readonly #store = new Store();
  readonly #monotonic: () => number;
  readonly #wall: () => number;
  #clock = new RelayClock();
  #settings: Settings;
  #target: Target | null = null;
  #identity: Identity | null = null;
  #status: Status | null = null;
  #link: Link = { kind: "none" };
  /** When the newest sample and the newest average came. */
  #arrivedAt: { sample: Instant | null; average: Instant | null } = { sample: null, average: null };
  #behind = USUAL_INTERVAL + LATE;
  #drawn = "";

  constructor(settings: Settings, monotonic: () => number, wall: () => number) {
    this.#settings = settings;
    this.#monotonic = monotonic;
    this.#wall = wall;
  }

  /** Begins anew with a target, or with none for a reason. */
  begin(target: Target | null, link: Link): void {
    this.#target = target;
    this.#identity = null;
    this.#status = null;
    this.#arrivedAt = { sample: null, average: null };
    this.#clock = new RelayClock();
    this.#store.clear();
    this.#link = link;
    for (const readout of Object.values(this.#readouts)) readout.reset();
    this.#page.expect(target, target === null ? null : usernameOf(target));
    this.render();
  }

  /** The reader chose otherwise. */
  choose(settings: Settings): void {
    this.#settings = settings;
    this.render();
  }

  /** How the connection stands. */
  link(link: Link): void {
    this.#link = link;
    this.render();
  }

  /** Takes a frame of the relay. */
  frame(frame: Frame): void {
    switch (frame.type) {
      case "snapshot":
        this.#clock.observe(frame.status.now, this.#monotonic(), true);
        this.#identity = frame.identity;
        this.#status = frame.status;
        this.#store.merge(frame.history, frame.status.interval, frame.status.now);
        this.#arrivedAt.sample = this.#instant();
        if (frame.averages !== null) this.#average(frame.averages);
        this.#page.identify(frame.identity);
        break;
      case "state":
        this.#clock.observe(frame.status.now, this.#monotonic(), false);
        this.#status = frame.status;
        break;
      case "sample":
        this.#push({ t: [frame.t], down: [frame.down], up: [frame.up] });
        break;
      case "samples":
        this.#push(frame.columns);
        break;
      case "averages":
        this.#average(frame.averages);
        break;
      case "error":
        return;
    }
    this.render();
  }

  /** Brings words and figures up to date; called at each event and once a second, for figures age. */
  render(): void {
    const monotonic = this.#monotonic();
    const now = this.#clock.at(monotonic);
    const points = now === null ? [] : this.#store.after(now - this.#settings.minutes * 60_000);
    const said = this.#say(now, monotonic);
    const current = said.figures ? (this.#newest() ?? null) : null;
    const { units } = this.#settings;
    const plan = this.#identity?.plan ?? NO_PLAN;

    this.#page.say(said);
    this.#page.entitle(said, current, this.#identity, units);
    this.#page.announce(said, current, units, monotonic);
    for (const direction of ["down", "up"] as const) {
      this.#readouts[direction].show(current?.[direction] ?? null, plan, units);
      this.#summaries[direction](summarise(points, direction), this.#settings);
    }
    const over = points.find((point) => point.coarse)?.span;
    setText(this.#coarse, over === undefined ? "" : strings.coarse(strings.seconds(over)));
    if (now === null) return;
    this.#table.show({ points, current, plan, units, minutes: this.#settings.minutes, now });
    this.#draw(points, plan, now);
  }

  /** Moves the chart on; called for each picture of the screen, or each second where the reader wants less motion. */
  scroll(): void {
    const now = this.#clock.at(this.#monotonic());
    if (now === null) return;
    this.#behind += ((this.#status?.interval ?? USUAL_INTERVAL) + LATE - this.#behind) * EASE;
    this.#chart.scroll(now - this.#behind);
  }

  #push(columns: { t: number[]; down: number[]; up: number[] }): void {
    this.#store.push(columns, this.#status?.interval ?? USUAL_INTERVAL);
    this.#arrivedAt.sample = this.#instant();
  }

  #average(averages: Averages): void {
    this.#store.average(averages);
    this.#arrivedAt.average = this.#instant();
  }

  #instant(): Instant {
    return { monotonic: this.#monotonic(), wall: this.#wall() };
  }

  /** What the figures are of: averages where the router gives nothing else. */
  #newest(): Point | undefined {
    return onAverages(this.#status) ? this.#store.newestAverage : this.#store.newest;
  }

  #say(now: number | null, monotonic: number): Said {
    const plan = this.#identity?.plan ?? NO_PLAN;
    const since = (now ?? Infinity) - LOOK_BACK - USUAL_INTERVAL;
    const recent = onAverages(this.#status) ? this.#store.averagesAfter(since) : this.#store.between(since, Infinity);
    return say({
      link: this.#link,
      byToken: this.#target?.kind === "token",
      online: navigator.onLine,
      status: this.#status,
      age: this.#age(now, monotonic),
      verdict: judge(recent, plan, this.#newest()?.t ?? 0, this.#settings.units),
      now: now ?? 0,
    });
  }

  /**
   * How old the newest sample is by the worst of three measures: its own time, and how long ago it came by either of the
   * browser's clocks, for one of them stands still while a device sleeps and the other is set now and then.
   */
  #age(now: number | null, monotonic: number): number | null {
    const newest = this.#newest();
    if (newest === undefined || now === null) return null;
    const arrived = this.#arrivedAt[newest.coarse ? "average" : "sample"] ?? { monotonic, wall: this.#wall() };
    return Math.max(0, now - newest.t, monotonic - arrived.monotonic, this.#wall() - arrived.wall);
  }

  /** Gives the chart what changed; where nothing did, scrolling is enough. */
  #draw(points: readonly Point[], plan: Plan, now: number): void {
    const { minutes, units } = this.#settings;
    const peak = (direction: Direction): number => points.reduce((most, point) => Math.max(most, point[direction]), 0);
    const scene = { plan, peaks: { down: peak("down"), up: peak("up") }, units, minutes };
    const drawn = `${this.#store.revision} ${JSON.stringify(scene)}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#chart.update(this.#store.drawn(), scene, now - this.#behind);
  }
}

/** What shows one direction's peak and average. */
function summaryOf(direction: Direction): (summary: Summary | null, settings: Settings) => void {
  const panel = part(document, `.panel[data-direction=${direction}]`);
  const peak = part(panel, ".peak");
  const average = part(panel, ".average");
  return (summary, { units }) => {
    setText(peak, rateText(summary?.peak ?? null, units));
    setText(average, rateText(summary?.average ?? null, units));
  };
}

