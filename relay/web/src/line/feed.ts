// The knowledge about one line: the relay's frames in, the line's identity, status and figures out, with their age by
// three clocks. Draws nothing; the browser's clocks are arguments.

import { RelayClock } from "../live/clock.ts";
import type { Averages, Columns, Days, Frame, Identity, Plan, Status } from "../live/frame.ts";
import { onAverages, USUAL_INTERVAL } from "./states.ts";
import { gapLimit, type Point, Store } from "./store.ts";
import { LOOK_BACK } from "./verdict.ts";

/** One instant by the browser's two clocks, in milliseconds. */
export interface Instant {
  monotonic: number;
  wall: number;
}

/** An older response of the page itself is never shown, in milliseconds. */
const OLDEST_OWN = 15_000;

const NO_PLAN: Plan = { down: null, up: null };

/** The frames' knowledge of one line. */
export class Feed {
  readonly #store = new Store();
  readonly #clock = new RelayClock();
  /** When the newest sample and the newest average came. */
  #arrivedAt: { sample: Instant | null; average: Instant | null } = { sample: null, average: null };
  #identity: Identity | null = null;
  #status: Status | null = null;
  #highest = 0;
  /** This page's own way to the relay and back, and when the relay told. */
  #self: { rtt: number; at: Instant } | null = null;

  /** The line's owner and plan; null before the first snapshot. */
  get identity(): Identity | null {
    return this.#identity;
  }

  /** The newest status; null before the first snapshot. */
  get status(): Status | null {
    return this.#status;
  }

  /** True if somebody measures the line's response, and the line answers. */
  get isProbed(): boolean {
    const response = this.#status?.response ?? null;
    return response !== null && response !== "silent";
  }

  get plan(): Plan {
    return this.#identity?.plan ?? NO_PLAN;
  }

  /** The highest rate that the line has shown on this page, bits per second. */
  get highest(): number {
    return this.#highest;
  }

  /** A number that grows with every change of the figures. */
  get revision(): number {
    return this.#store.revision;
  }

  /** Milliseconds between two figures. */
  get interval(): number {
    return this.#status?.interval ?? USUAL_INTERVAL;
  }

  /** The newest figure: a sample, or an average where the router gives nothing else. */
  get newest(): Point | undefined {
    return onAverages(this.#status) ? this.#store.newestAverage : this.#store.newest;
  }

  /** Takes a frame of the relay; `at` is its arrival. */
  take(frame: Frame, at: Instant): void {
    switch (frame.type) {
      case "snapshot":
        this.#clock.observe(frame.status.now, at.monotonic, true);
        this.#identity = frame.identity;
        this.#status = frame.status;
        this.#store.merge(frame.history, frame.status.interval, frame.status.now);
        this.#arrivedAt.sample = at;
        if (frame.averages !== null) this.#average(frame.averages, at);
        this.#raise(frame.history);
        return;
      case "state":
        this.#clock.observe(frame.status.now, at.monotonic, false);
        this.#status = frame.status;
        return;
      case "self":
        this.#self = { rtt: frame.rtt, at };
        return;
      case "sample":
      case "samples":
        return this.#push(frame.columns, at);
      case "averages":
        return this.#average(frame.averages, at);
      case "error":
        return;
    }
  }

  /** The relay's clock at an instant, in Unix milliseconds; null before the first snapshot. */
  now(at: Instant): number | null {
    return this.#clock.at(at.monotonic);
  }

  /** Samples after `from`, and averages for the times without samples. */
  after(from: number): Point[] {
    return this.#store.after(from);
  }

  /** Takes the days behind the line. */
  past(days: Days): void {
    this.#store.past(days);
  }

  /** The figures for a verdict; none where the newest are too old to say anything of the line now. */
  recent(now: number): readonly Point[] {
    const points = onAverages(this.#status)
      ? this.#store.averagesAfter(now - LOOK_BACK - gapLimit(this.interval))
      : this.#store.after(now - LOOK_BACK - USUAL_INTERVAL);
    const newest = points[points.length - 1];
    const isRecent = newest !== undefined && now - newest.t <= gapLimit(newest.span ?? newest.interval);
    return isRecent ? points : [];
  }

  /**
   * The age of the newest figure in milliseconds, null without one: the worst of its own time, and of its arrival by
   * either of the browser's clocks. One of them stands still while a device sleeps, and people set the other.
   */
  age(at: Instant): number | null {
    const newest = this.newest;
    const now = this.now(at);
    if (newest === undefined || now === null) return null;
    const arrived = this.#arrivedAt[newest.coarse ? "average" : "sample"] ?? at;
    return Math.max(0, now - newest.t, at.monotonic - arrived.monotonic, at.wall - arrived.wall);
  }

  /** This page's own response in microseconds; null without one that is new enough. */
  own(at: Instant): number | null {
    const self = this.#self;
    if (self === null) return null;
    const age = Math.max(at.monotonic - self.at.monotonic, at.wall - self.at.wall);
    return age <= OLDEST_OWN ? self.rtt : null;
  }

  #push(columns: Columns, at: Instant): void {
    this.#store.push(columns, this.interval);
    this.#arrivedAt.sample = at;
    this.#raise(columns);
  }

  #average(averages: Averages, at: Instant): void {
    this.#store.average(averages);
    this.#arrivedAt.average = at;
    this.#raise(averages);
  }

  #raise(columns: { down: readonly (number | null)[]; up: readonly (number | null)[] }): void {
    for (const rates of [columns.down, columns.up]) {
      for (const rate of rates) this.#highest = Math.max(this.#highest, rate ?? 0);
    }
  }
}
