// The two ways to the relay: a WebSocket, and server-sent events behind a proxy without WebSockets. Opens, hands on texts,
// closes; socket.ts decides when and how often.

import { LINK_EXPIRED, LINK_REFUSED, NO_CODE, RELAY_FULL, TOO_MANY_FAILURES } from "./close.ts";
import { usernameOf } from "./address.ts";
import { parseFrame, type Target, watchFrame } from "./frame.ts";
import type { Dial, Heard, Transport } from "./socket.ts";

/** The longest event, in characters. */
const LONGEST_EVENT = 1 << 20;

/** Watches over a WebSocket at an address. A browser that forbids WebSockets by an exception counts as closed. */
export function webSocketDial(address: string): Dial {
  return (target, heard) => {
    let over = false;
    let socket: WebSocket;
    try {
      socket = new WebSocket(address.replace(/^http/, "ws"));
    } catch {
      const timer = setTimeout(() => heard.closed(NO_CODE));
      return { close: () => clearTimeout(timer) };
    }
    socket.onopen = () => {
      socket.send(watchFrame(target));
      heard.opened();
    };
    socket.onmessage = (message) => {
      if (!over && typeof message.data === "string") heard.text(message.data);
    };
    socket.onclose = (event) => {
      if (!over) heard.closed(event.code);
      over = true;
    };
    return {
      close: () => {
        over = true;
        socket.close(1000);
      },
    };
  };
}

/** Watches over server-sent events in the relay's folder; null for a target without a known username. */
export function eventsDial(base: string, target: Target): Dial | null {
  const username = usernameOf(target);
  if (username === null) return null;
  const url = `${base}api/v1/lines/${encodeURIComponent(username)}/live`;
  return (_, heard) => {
    const abort = new AbortController();
    let over = false;
    const finish = (code: number): void => {
      if (!over) heard.closed(code);
      over = true;
    };
    streamEvents(url, target, heard, abort.signal).then(finish, () => finish(NO_CODE));
    const transport: Transport = {
      close: () => {
        over = true;
        abort.abort();
      },
    };
    return transport;
  };
}

/** Reads the stream to its end; resolves to the code of the end. */
async function streamEvents(url: string, target: Target, heard: Heard, signal: AbortSignal): Promise<number> {
  const headers: Record<string, string> = { Accept: "text/event-stream" };
  if (target.kind === "token") headers["Authorization"] = `Bearer ${target.token}`;
  const response = await fetch(url, { headers, signal, cache: "no-store", redirect: "error" });
  if (!response.ok || response.body === null) return codeOf(response.status, await response.text());
  heard.opened();
  const events = new EventReader((data) => {
    if (!signal.aborted) heard.text(data);
  });
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return NO_CODE;
    events.feed(decoder.decode(value, { stream: true }));
  }
}

/** Returns the close code for an HTTP refusal. */
export function codeOf(status: number, body: string): number {
  const parsed = parseFrame(body);
  if (parsed.kind === "frame" && parsed.frame.type === "error") return parsed.frame.code;
  switch (status) {
    case 401:
    case 403:
    case 404:
      return LINK_REFUSED;
    case 410:
      return LINK_EXPIRED;
    case 429:
      return TOO_MANY_FAILURES;
    case 503:
      return RELAY_FULL;
    default:
      return NO_CODE;
  }
}

/** Puts events together from pieces (HTML Standard, section 9.2.6): the data lines of each, without comments. */
export class EventReader {
  readonly #event: (data: string) => void;
  #rest = "";
  #data: string[] = [];
  #taken = 0;

  constructor(event: (data: string) => void) {
    this.#event = event;
  }

  /** Takes the next piece. */
  feed(piece: string): void {
    const lines = (this.#rest + piece).split(/\r?\n/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
    if (this.#rest.length + this.#taken > LONGEST_EVENT) throw new Error("event too long");
  }

  #line(line: string): void {
    if (line.startsWith("data:")) {
      this.#data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
      this.#taken += line.length;
    }
    if (line !== "" || this.#data.length === 0) return;
    const data = this.#data.join("\n");
    this.#data = [];
    this.#taken = 0;
    this.#event(data);
  }
}
