// How high a chart's line stands in each column of the plotted area, by the pixels of a picture.

import type { Page } from "playwright-core";

/** One column of a chart's plotted area: the line's height as a share, from the bottom. */
export interface Column {
  /** The heights of the line's pixels, from 0 at the bottom to 1 at the top; empty without a line. */
  line: number[];
  /** The tinted share of the column: line, area or band. */
  tinted: number;
}

/** Reads a chart's plotted area, column by column. */
export async function columns(page: Page, direction: "down" | "up"): Promise<Column[]> {
  const clip = await plottedArea(page, direction);
  const picture = (await page.screenshot({ clip, animations: "disabled" })).toString("base64");
  return page.evaluate(
    async ([name, data]) => {
      const image = new Image();
      image.src = `data:image/png;base64,${data}`;
      await image.decode();
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [image.width, image.height];
      const context = canvas.getContext("2d") as CanvasRenderingContext2D;
      context.drawImage(image, 0, 0);
      const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
      const style = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
      const colour = [1, 3, 5].map((at) => parseInt(style.slice(at, at + 2), 16)) as [number, number, number];
      const at = (x: number, y: number): number[] => [...pixels.slice((y * canvas.width + x) * 4, (y * canvas.width + x) * 4 + 3)];
      const isLine = (pixel: number[]): boolean => pixel.every((part, i) => Math.abs(part - (colour[i] as number)) < 56);
      const strong = name === "down" ? 1 : 0;
      const isTinted = (pixel: number[]): boolean => (pixel[strong] as number) - (pixel[1 - strong] as number) > 6;
      return Array.from({ length: canvas.width }, (_, x) => {
        const column = Array.from({ length: canvas.height }, (_, y) => at(x, y));
        const line = column.flatMap((pixel, y) => (isLine(pixel) ? [1 - y / (canvas.height - 1)] : []));
        return { line, tinted: column.filter(isTinted).length / canvas.height };
      });
    },
    [direction, picture] as const,
  );
}

/** The plotted area within the page: an inner SVG's box would be the drawing's. */
function plottedArea(page: Page, direction: "down" | "up"): Promise<{ x: number; y: number; width: number; height: number }> {
  return page.evaluate((name) => {
    const plot = document.querySelector(`.panel[data-direction=${name}] .plot`) as HTMLElement;
    plot.scrollIntoView({ block: "center" });
    const area = plot.querySelector(".area") as SVGSVGElement;
    const box = plot.getBoundingClientRect();
    const of = (attribute: string): number => Number(area.getAttribute(attribute));
    return { x: box.left + of("x"), y: box.top + of("y"), width: of("width"), height: of("height") };
  }, direction);
}
