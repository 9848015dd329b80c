// The figures that a verdict was decided by, as rows of term and text. A pure function.

import type { Direction, Plan } from "../live/frame.ts";
import { evidence, strings } from "../words/en.ts";
import { shareText, type Unit } from "./rate.ts";
import { type Answers, deviceSlowFrom, slowFrom } from "./response.ts";
import { type Point, summarise } from "./store.ts";
import type { Evidence } from "./why.ts";

const words = evidence.reasons;

/** One row. */
export type Reason = readonly [term: string, text: string];

/** Returns the rows, always as many: both rates, response, loss, this device. `points` are those of the last forty seconds. */
export function reasonsOf(points: readonly Point[], plan: Plan, unit: Unit, { use, answers, device }: Evidence): Reason[] {
  const rate = (direction: Direction): string => {
    const summary = summarise(points, direction);
    if (summary === null) return words.none;
    const text = words.rate(shareText(summary.average, plan[direction], unit));
    return use?.kind === "full" && use.direction === direction ? words.full(text, use.seconds) : text;
  };
  return [
    [strings.page.download, rate("down")],
    [strings.page.upload, rate("up")],
    [strings.page.response, answers === null ? words.notMeasured : responseText(answers)],
    [words.lost, answers === null ? words.notMeasured : lossOf(answers)],
    [words.device, deviceText(answers, device)],
  ];
}

/** "4 of 40". */
export function lossOf({ lost, probes }: Answers): string {
  return words.of(lost, probes);
}

function responseText(answers: Answers): string {
  const { typical, quiet } = answers;
  const from = slowFrom(answers);
  if (typical === null) return words.none;
  const text = strings.milliseconds(typical);
  return quiet === null || from === null ? words.noQuiet(text) : words.beside(text, strings.milliseconds(quiet), strings.milliseconds(from));
}

function deviceText(answers: Answers | null, device: number | null): string {
  if (device === null) return words.notMeasured;
  const typical = answers?.typical ?? null;
  const text = strings.milliseconds(device);
  return typical === null ? text : words.slowFrom(text, strings.milliseconds(deviceSlowFrom(typical)));
}
