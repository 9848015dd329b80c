// The console's requests: JSON in, values or a reason out. Never throws for an answer of the relay, or for none.

import { strings } from "../words/console.ts";

/** A request without an answer for so long has failed, in milliseconds. */
const PATIENCE = 15_000;

/** Why a request brought nothing. */
export interface Problem {
  /** `offline`, `aborted`, or the relay's reason. */
  reason: string;
  /** One sentence for people. */
  sentence: string;
  /** Seconds to wait before the next try; null where that does not help. */
  retryAfter: number | null;
  /** The relay's whole answer. */
  body: Readonly<Record<string, unknown>>;
}

/** A value, or the reason for none. */
export type Answer<T> = { ok: true; value: T } | { ok: false; problem: Problem };

/** The requests. */
export class Api {
  readonly #base: string;
  readonly #signedOut: () => void;

  /** `base` is the API's address with its last slash; `signedOut` hears that the session has ended. */
  constructor(base: string, signedOut: () => void) {
    this.#base = base;
    this.#signedOut = signedOut;
  }

  /** The address of a path of the API. */
  address(path: string): string {
    return this.#base + path;
  }

  /** Reads. `bearer` stands in for the session, as on a wallboard. */
  async get<T>(path: string, signal: AbortSignal | null = null, bearer: string | null = null): Promise<Answer<T>> {
    const headers: Record<string, string> = bearer === null ? {} : { Authorization: `Bearer ${bearer}` };
    const answer = await this.#fetch<T>(path, { headers, signal });
    return bearer === null ? this.#told(answer) : answer;
  }

  /** Changes something. */
  async post<T>(path: string, body: unknown = {}): Promise<Answer<T>> {
    const headers = { "Content-Type": "application/json" };
    return this.#told(await this.#fetch<T>(path, { method: "POST", headers, body: JSON.stringify(body) }));
  }

  #told<T>(answer: Answer<T>): Answer<T> {
    if (!answer.ok && answer.problem.reason === "signed-out") this.#signedOut();
    return answer;
  }

  async #fetch<T>(path: string, options: RequestInit): Promise<Answer<T>> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), PATIENCE);
    const outer = options.signal ?? null;
    outer?.addEventListener("abort", () => abort.abort());
    try {
      if (outer?.aborted) return without("aborted");
      const response = await fetch(this.#base + path, { ...options, signal: abort.signal, cache: "no-store", redirect: "error" });
      const text = await response.text();
      return response.ok ? { ok: true, value: (text === "" ? {} : JSON.parse(text)) as T } : refused(response, text);
    } catch {
      return without(outer?.aborted ? "aborted" : "offline");
    } finally {
      clearTimeout(timer);
    }
  }
}

function without<T>(reason: "aborted" | "offline"): Answer<T> {
  return { ok: false, problem: { reason, sentence: strings.problem.offline, retryAfter: null, body: {} } };
}

/** Reads a refusal (RFC 9457); a proxy's own answer has no reason. */
function refused<T>(response: Response, text: string): Answer<T> {
  const body = record(text);
  const reason = typeof body["reason"] === "string" ? body["reason"] : `http-${response.status}`;
  const told = typeof body["detail"] === "string" ? body["detail"] : strings.problem.unexpected(response.status);
  const asked = Number(body["retry_after"] ?? response.headers.get("retry-after"));
  const retryAfter = Number.isFinite(asked) && asked > 0 ? Math.ceil(asked) : null;
  const known: Readonly<Record<string, string>> = strings.problem.reasons;
  return { ok: false, problem: { reason, sentence: known[reason] ?? told, retryAfter, body } };
}

function record(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
