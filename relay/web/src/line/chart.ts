// The charts, download above upload, and responses below both where the page has a place for them. Draws scenes; keeps no
// samples, reads no clock.

import { ANCHOR, Panel, panelOf, type Scene } from "./panel.ts";
import type { Point } from "./store.ts";

/** The least move that is worth a drawing, in pixels. */
const LEAST_MOVE = 0.25;

/** The charts. */
export class Chart {
  readonly #panels: readonly [Panel, ...Panel[]];
  #minutes = 1;
  #edge = 0;

  constructor(host: ParentNode) {
    const more = host.querySelector(panelOf("time")) === null ? [] : [new Panel(host, "time")];
    this.#panels = [new Panel(host, "down"), new Panel(host, "up"), ...more];
    if (typeof ResizeObserver === "undefined") {
      addEventListener("resize", () => this.#resize());
    } else {
      const observer = new ResizeObserver(() => this.#resize());
      for (const plot of this.hosts) observer.observe(plot);
    }
  }

  /** The elements of the plots, for pointers. */
  get hosts(): readonly HTMLElement[] {
    return this.#panels.map((panel) => panel.host);
  }

  /** The instant from which points are drawn, for a window that ends at `edge`; Unix milliseconds. */
  static from(minutes: number, edge: number): number {
    return Math.floor((edge - minutes * 60_000) / ANCHOR) * ANCHOR;
  }

  /** Draws a scene; `edge` is the right end in Unix milliseconds. */
  update(scene: Scene, edge: number): void {
    this.#minutes = scene.minutes;
    this.#edge = edge;
    for (const panel of this.#panels) panel.update(scene, edge);
  }

  /** Forgets the drawing, as for another line. */
  clear(): void {
    for (const panel of this.#panels) panel.clear();
  }

  /** Moves the right end. */
  scroll(edge: number): void {
    const moved = ((edge - this.#edge) / (this.#minutes * 60_000)) * this.#panels[0].plotted.width;
    if (Math.abs(moved) < LEAST_MOVE) return;
    this.#edge = edge;
    for (const panel of this.#panels) panel.scroll(edge);
  }

  /** Marks an instant in all charts, with the point there; no mark for null. */
  mark(at: { t: number; point: Point | null } | null): void {
    for (const panel of this.#panels) panel.mark(at);
  }

  /** The instant under a pointer at `clientX`, in Unix milliseconds, kept within the window. */
  timeAt(clientX: number): number {
    const { left, width } = this.#panels[0].plotted;
    const share = Math.min(1, Math.max(0, (clientX - left) / width));
    return this.#edge - (1 - share) * this.#minutes * 60_000;
  }

  #resize(): void {
    for (const panel of this.#panels) panel.resize();
  }
}
