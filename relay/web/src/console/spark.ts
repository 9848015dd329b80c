// A small chart of averages without axes. A gap stays a gap.

import { svg } from "../dom.ts";

/** The drawing's box; CSS stretches it. */
const BOX = { width: 120, height: 28 };

/** Returns the chart. `limit` is the plan in bits per second, null where not known; the higher of plan and peak is the top. */
export function spark(values: readonly (number | null)[], limit: number | null, direction: "down" | "up", showsLimit = false): SVGSVGElement {
  const top = Math.max(1, limit ?? 0, ...values.map((value) => value ?? 0)) * 1.06;
  const y = (value: number): string => (BOX.height * (1 - value / top)).toFixed(1);
  const runs = runsOf(values);
  const chart = svg("svg", { class: "spark", viewBox: `0 0 ${BOX.width} ${BOX.height}`, preserveAspectRatio: "none", "aria-hidden": "true", "data-direction": direction });
  const along = (run: readonly [number, number][]): string => run.map(([x, value]) => `${x.toFixed(1)} ${y(value)}`).join("L");
  const area = runs.map((run) => `M${(run[0]?.[0] ?? 0).toFixed(1)} ${BOX.height}L${along(run)}V${BOX.height}Z`).join("");
  const line = runs.map((run) => `M${along(run)}${run.length === 1 ? "h.01" : ""}`).join("");
  chart.append(svg("path", { d: area, fill: "currentColor", "fill-opacity": 0.16 }));
  const drawn = svg("path", { d: line, class: "spark-line", fill: "none", stroke: "currentColor", "vector-effect": "non-scaling-stroke" });
  chart.append(drawn);
  if (showsLimit && limit !== null) chart.append(svg("path", { class: "spark-limit", d: `M0 ${y(limit)}H${BOX.width}`, fill: "none", "vector-effect": "non-scaling-stroke" }));
  return chart;
}

/** Neighbouring values without a gap, each with its place from left to right. */
function runsOf(values: readonly (number | null)[]): [number, number][][] {
  const step = BOX.width / Math.max(1, values.length - 1);
  const runs: [number, number][][] = [];
  let current: [number, number][] | null = null;
  values.forEach((value, i) => {
    if (value === null) {
      current = null;
      return;
    }
    if (current === null) runs.push((current = []));
    current.push([i * step, value]);
  });
  return runs;
}
