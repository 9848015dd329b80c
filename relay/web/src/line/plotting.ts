// The drawing of a line's past as time goes on: hands the charts a changed scene, and moves an unchanged one.

import type { Direction } from "../live/frame.ts";
import { Chart } from "./chart.ts";
import type { Feed, Instant } from "./feed.ts";
import type { Unit } from "./rate.ts";
import type { Settings } from "./settings.ts";
import { USUAL_INTERVAL } from "./states.ts";
import type { Point } from "./store.ts";

/** The charts end so long before the relay's clock: by then the newest sample has usually arrived. In milliseconds. */
const LATE = 350;

/** The charts' end follows a changed interval by this share of the difference for each drawing. */
const EASE = 0.05;

/** The longest time from one step of the charts to the next where the reader wants less motion, in milliseconds. */
const LONGEST_STEP = 1_500;

/** Two charts that follow a feed. */
export class Plotting {
  readonly chart: Chart;
  #behind = USUAL_INTERVAL + LATE;
  /** The charts' right edge after the last step, by the relay's clock. */
  #scrolled = -Infinity;
  #drawn = "";

  constructor(host: ParentNode) {
    this.chart = new Chart(host);
  }

  /** Forgets the drawing, as for another line. */
  clear(): void {
    this.#drawn = "";
    this.chart.clear();
  }

  /** Gives the charts a changed scene. `points` are the window's, `now` is the relay's clock in Unix milliseconds. */
  draw(feed: Feed, points: readonly Point[], { minutes, zoom }: Settings, unit: Unit, now: number): void {
    const { plan, revision } = feed;
    const peak = (direction: Direction): number => points.reduce((most, point) => Math.max(most, point[direction]), 0);
    const peaks = { down: peak("down"), up: peak("up") };
    const drawn = `${revision} ${JSON.stringify([plan, peaks, unit, minutes, zoom])}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const edge = this.#edge(now);
    this.chart.update({ points: feed.after(Chart.from(minutes, edge)), plan, peaks, unit, minutes, zoom }, edge);
  }

  /** Moves the charts on. */
  scroll(feed: Feed, at: Instant): void {
    const now = feed.now(at);
    if (now === null) return;
    this.#behind += (feed.interval + LATE - this.#behind) * EASE;
    this.#scrolled = now - this.#behind;
    this.chart.scroll(this.#scrolled);
  }

  /** The charts' right edge. A new figure does not move the edge between two steps, where the reader wants less motion. */
  #edge(now: number): number {
    const edge = now - this.#behind;
    return Math.abs(edge - this.#scrolled) < LONGEST_STEP ? this.#scrolled : edge;
  }
}
