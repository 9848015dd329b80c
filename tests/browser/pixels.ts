// The reading of a chart's picture, by pixels: the same for canvas and SVG.

import { PNG } from "pngjs";

/** The parts of a chart's line: the line itself, or also the pale area down to the axis. */
export type Ink = "line" | "any";

/** The widths beside the plotted area, in CSS pixels: the axis's labels, and the room on the right. */
const LEFT = 48;
const RIGHT = 12;

/**
 * Each column of the plotted area in a picture of a `.plot`, from the left to the right: whether a pixel of the direction's hue is
 * in it. Download is green, upload red; rules, the plan and all text are grey with some blue. `scale` is the device's pixels for
 * each CSS pixel.
 */
export function columns(picture: Buffer, direction: "down" | "up", ink: Ink, scale = 1): boolean[] {
  const { data, width, height } = PNG.sync.read(picture);
  const rows = Array.from({ length: height }, (_, y) => y);
  const plotted = Array.from({ length: Math.floor(width - (LEFT + RIGHT) * scale) }, (_, i) => Math.ceil(LEFT * scale) + i);
  return plotted.map((x) => rows.some((y) => isInk(data, (y * width + x) * 4, direction, ink)));
}

/** The commonest colour of a direction's line in a picture, as `r,g,b`. */
export function lineColour(picture: Buffer, direction: "down" | "up"): string {
  const { data } = PNG.sync.read(picture);
  const counts = new Map<string, number>();
  for (let at = 0; at < data.length; at += 4) {
    if (!isInk(data, at, direction, "line")) continue;
    const colour = [...data.subarray(at, at + 3)].join();
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([, one], [, other]) => other - one);
  return most?.[0] ?? "none";
}

/** The number of pixels in each column of the plotted area with another colour than the picture's corner. */
export function inked(picture: Buffer): number[] {
  const { data, width, height } = PNG.sync.read(picture);
  const differs = (x: number, y: number): boolean =>
    [0, 1, 2].some((part) => Math.abs((data[(y * width + x) * 4 + part] as number) - (data[part] as number)) > 12);
  const rows = Array.from({ length: height }, (_, y) => y);
  const plotted = Array.from({ length: width - LEFT - RIGHT }, (_, i) => LEFT + i);
  return plotted.map((x) => rows.filter((y) => differs(x, y)).length);
}

/** How much of the columns has ink, from one share of their width to another. */
export function share(drawn: boolean[], from = 0, to = 1): number {
  const part = drawn.slice(drawn.length * from, drawn.length * to);
  return part.filter(Boolean).length / part.length;
}

/** A run of equal columns, and the share of the width. */
export interface Run {
  drawn: boolean;
  share: number;
}

/** The runs of equal columns. */
export function runs(columns: boolean[]): Run[] {
  const found: Run[] = [];
  for (const drawn of columns) {
    const last = found.at(-1);
    if (last?.drawn === drawn) last.share += 1 / columns.length;
    else found.push({ drawn, share: 1 / columns.length });
  }
  return found;
}

/** Whether the pixel at an index of the data has the direction's hue. */
function isInk(data: Buffer, at: number, direction: "down" | "up", ink: Ink): boolean {
  const [own, others] = direction === "down" ? [1, [0, 2]] : [0, [1, 2]];
  const above = others.map((other) => (data[at + own] as number) - (data[at + other] as number));
  return ink === "line" ? Math.min(...above) > 40 : Math.max(...above) > 6 && Math.min(...above) > -2;
}
