// Requests beside the stream: JSON in, JSON out, and no answer where none came.

/** A request without an answer for so long has failed, in milliseconds. */
const PATIENCE = 15_000;

/** An answer of the relay; status 0 stands for none. */
export interface Answer {
  status: number;
  body: Readonly<Record<string, unknown>>;
}

/** Asks the relay. `token` is that of a link; a `body` makes a change. Never throws. */
export async function ask(url: string, token: string | null, body?: unknown): Promise<Answer> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), PATIENCE);
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (token !== null) headers["Authorization"] = `Bearer ${token}`;
  const change = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  try {
    const response = await fetch(url, { headers, signal: abort.signal, ...change });
    return { status: response.status, body: (await response.json()) as Answer["body"] };
  } catch {
    return { status: 0, body: {} };
  } finally {
    clearTimeout(timer);
  }
}
