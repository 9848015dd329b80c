// The two large figures with their share of the plan. An unknown figure is a dash.

import { part, setText } from "../dom.ts";
import type { Direction, Plan } from "../live/frame.ts";
import { strings } from "../words/en.ts";
import { figureOf, limitText, type Unit } from "./rate.ts";
import { OVER } from "./verdict.ts";

/** One direction's card. */
export class Readout {
  readonly #card: HTMLElement;
  readonly #direction: Direction;
  readonly #number: HTMLElement;
  readonly #unit: HTMLElement;
  readonly #bar: HTMLElement;
  readonly #share: HTMLElement;

  constructor(host: ParentNode, direction: Direction) {
    this.#direction = direction;
    this.#card = part(host, `.readout[data-direction=${direction}]`);
    this.#number = part(this.#card, ".number");
    this.#unit = part(this.#card, ".unit");
    this.#bar = part(this.#card, ".bar b");
    this.#share = part(this.#card, ".share");
  }

  /** Shows a rate in bits per second; a dash for null. */
  show(bitsPerSecond: number | null, plan: Plan, unit: Unit): void {
    const limit = plan[this.#direction];
    setText(this.#number, bitsPerSecond === null ? strings.dash : figureOf(bitsPerSecond, unit));
    this.#card.classList.toggle("unknown", bitsPerSecond === null);
    setText(this.#unit, bitsPerSecond === null ? "" : unit.name);
    const share = bitsPerSecond === null || limit === null ? 0 : bitsPerSecond / limit;
    this.#bar.style.transform = `scaleX(${Math.min(1, share)})`;
    this.#card.classList.toggle("planned", limit !== null);
    setText(this.#share, shareOfPlan(bitsPerSecond, limit, unit) + (plan.shared && limit !== null ? strings.sharedPlan : ""));
  }
}

/** Beside a figure above the plan a percentage would be a second number for one thing. */
function shareOfPlan(bitsPerSecond: number | null, limit: number | null, unit: Unit): string {
  if (limit === null) return strings.planUnknown;
  const plan = limitText(limit, unit);
  if (bitsPerSecond === null) return strings.planIs(plan);
  const share = bitsPerSecond / limit;
  return share > OVER ? strings.abovePlan(plan) : strings.percentOfPlan(share * 100, plan);
}
