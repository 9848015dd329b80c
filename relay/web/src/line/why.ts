// Why it is slow: the line is full, the line answers slowly, this device does, or none of these. Joins the verdict of the
// rates with the responses, in the order of certainty. A pure function: where not enough is known, it finds nothing.

import { type Answers, deviceSlowFrom, isLossy, isPrompt, isSlow } from "./response.ts";
import type { Verdict } from "./verdict.ts";

/** Everything that a finding is made of. */
export interface Evidence {
  /** The meaning of the rates; null without a plan. */
  use: Verdict | null;
  /** How the line answers; null where nobody measures. */
  answers: Answers | null;
  /** The response of this page itself in microseconds; null while not known. */
  device: number | null;
}

/** The reason, where the responses know more than the rates. Responses are microseconds. */
export type Finding =
  /** The line is full, and answers slowly or loses probes; or answers at once. */
  | { kind: "full_slow"; answers: Answers }
  | { kind: "full_prompt"; answers: Answers }
  /** The line is not full, and answers slowly or loses probes. */
  | { kind: "slow"; answers: Answers }
  /** The same of a line that is nearly full, or has no known plan. */
  | { kind: "slow_perhaps_full"; answers: Answers }
  /** The line answers at once, and this device slowly. */
  | { kind: "device"; line: number; device: number }
  | { kind: "well" };

/** Returns the reason, or null where the rates say it better, or not enough is known. */
export function reasonOf({ use, answers, device }: Evidence): Finding | null {
  if (answers === null || use?.kind === "gathering" || use?.kind === "over") return null;
  const isBad = isSlow(answers) || isLossy(answers);
  const isFull = use?.kind === "full" || use?.kind === "bursts";
  if (isFull && isBad) return { kind: "full_slow", answers };
  if (isFull) return use.kind === "full" && isPrompt(answers) ? { kind: "full_prompt", answers } : null;
  const mayBeFull = use === null || use.kind === "busy";
  if (isBad) return { kind: mayBeFull ? "slow_perhaps_full" : "slow", answers };
  if (!isPrompt(answers) || answers.typical === null || device === null) return null;
  if (device >= deviceSlowFrom(answers.typical)) return { kind: "device", line: answers.typical, device };
  return use?.kind === "busy" ? null : { kind: "well" };
}
