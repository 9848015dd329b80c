// The drawing of a window: from points to the vertices of a line and its band. In the shortest window each sample is a
// vertex. In longer windows a column of several seconds gives the mean, and the band from the least to the most. Samples
// and averages make one drawing; a gap ends it. Pure arithmetic.

import type { Direction } from "../live/frame.ts";
import { isGap, type Point } from "./store.ts";

/** One vertex of the drawing: Unix milliseconds, bits per second. */
export interface Vertex {
  t: number;
  mean: number;
  least: number;
  most: number;
}

/** Neighbouring vertices without a gap among them. */
export type Run = readonly Vertex[];

/** The widths that a column may have, in seconds. */
const WIDTHS = [5, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600];

/** The narrowest columns of windows up to so many minutes, in seconds. */
const NARROWEST: readonly [minutes: number, seconds: number][] = [[5, 5], [15, 15], [Infinity, 30]];

/** A column takes at least so many pixels. */
const PIXELS = 2.5;

/** Returns the width of a column in milliseconds for a window on so many pixels; null where each sample is drawn. */
export function columnWidth(minutes: number, pixels: number): number | null {
  if (minutes <= 1) return null;
  const narrowest = NARROWEST.find(([most]) => minutes <= most)?.[1] ?? 0;
  const least = Math.max(narrowest, (minutes * 60 * PIXELS) / Math.max(1, pixels));
  return (WIDTHS.find((width) => width >= least) ?? 3_600) * 1_000;
}

/** Returns the runs of one direction, with columns of `width` milliseconds, or with every sample for null. */
export function runsOf(points: readonly Point[], direction: Direction, width: number | null): Run[] {
  return unbroken(points).map((run) => (width === null ? exact(run, direction) : columns(run, direction, width)));
}

/** Cuts points at their gaps. */
function unbroken(points: readonly Point[]): Point[][] {
  const runs: Point[][] = [];
  let last: Point | null = null;
  for (const point of points) {
    if (last === null || isGap(last, point)) runs.push([point]);
    else runs[runs.length - 1]?.push(point);
    last = point;
  }
  return runs;
}

/** An average is a step: two vertices of one height. */
function exact(run: readonly Point[], direction: Direction): Run {
  return run.flatMap((point) => {
    const rate = point[direction];
    const vertex = (t: number): Vertex => ({ t, mean: rate, least: rate, most: rate });
    return point.coarse ? [vertex(point.t - point.interval), vertex(point.t)] : [vertex(point.t)];
  });
}

/** A column under way: the time that its points stand for, and the sum of their rates over that time. */
interface Column {
  from: number;
  time: number;
  area: number;
  least: number;
  most: number;
}

function columns(run: readonly Point[], direction: Direction, width: number): Run {
  const found = new Map<number, Column>();
  for (const point of run) {
    for (const [from, time] of shares(point, width)) {
      const rate = point[direction];
      const column = found.get(from) ?? { from, time: 0, area: 0, least: Infinity, most: 0 };
      column.time += time;
      column.area += rate * time;
      column.least = Math.min(column.least, rate);
      column.most = Math.max(column.most, rate);
      found.set(from, column);
    }
  }
  return vertices([...found.values()], begin(run[0]), run[run.length - 1]?.t ?? 0, width);
}

/** The columns that a point belongs to, by their begins, with the point's time in each. A sample belongs to one column. */
function shares(point: Point, width: number): [from: number, time: number][] {
  const columnOf = (t: number): number => Math.floor(t / width) * width;
  if (point.interval <= width && !point.coarse) return [[columnOf(point.t - 1), point.interval]];
  const found: [number, number][] = [];
  for (let from = columnOf(point.t - point.interval); from < point.t; from += width) {
    found.push([from, Math.min(point.t, from + width) - Math.max(point.t - point.interval, from)]);
  }
  return found;
}

/** Each column is a vertex in its middle; the run's ends reach to the first and the last point. */
function vertices(found: readonly Column[], from: number, to: number, width: number): Run {
  const middles = found.map((column): Vertex => {
    const middle = (Math.max(column.from, from) + Math.min(column.from + width, to)) / 2;
    return { t: middle, mean: column.area / column.time, least: column.least, most: column.most };
  });
  const [first, last] = [middles[0], middles[middles.length - 1]];
  if (first === undefined || last === undefined || to <= from) return middles;
  return [{ ...first, t: from }, ...middles, { ...last, t: to }];
}

function begin(point: Point | undefined): number {
  if (point === undefined) return 0;
  return point.coarse ? point.t - point.interval : point.t;
}
