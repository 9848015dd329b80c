// A scripted relay: the built page as static files under the real relay's content security policy, and the viewer API by script.
// Judges no token and knows no line.

import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { json } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { type WebSocket, WebSocketServer } from "ws";
import { departures, type Frame } from "./wire.ts";

export type { Frame };

/** The relay's policy for the page. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The policy that the relay sends with the console's page. */
const CONSOLE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** The policy that the relay sends with a file; these portals may frame the widget. */
function policyOf(file: string, portals: string): string {
  if (file === "console.html") return CONSOLE_POLICY;
  return file !== "widget.html" || portals === "" ? POLICY : POLICY.replace("frame-ancestors 'none'", `frame-ancestors ${portals}`);
}

/** The built page's folder. */
export const DIST = process.env["LINELIGHT_DIST"] ?? join(repository(), "relay", "web", "dist");

/** The headers of a stream of events. They keep proxies from compressing the events or holding them back. */
export const EVENT_STREAM = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  "content-encoding": "identity",
  "x-accel-buffering": "no",
};

/** The statuses of refusals by their close codes; 503 of all others. */
const STATUSES = new Map([
  [4102, 401],
  [4103, 401],
  [4108, 429],
  [4110, 429],
]);

/** Where the streams of live figures are: a viewer's, and the console's. */
const LIVE = ["/api/v1/live", "/console/api/live"];

/** The prelude's path. */
const PRELUDE = "/prelude.js";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};

/** The provider's words in the page, as the relay fills them: escaped text, or HTML. */
export interface Provider {
  brand: string;
  /** The contacts' HTML; no block of contacts for null. */
  support: string | null;
  /** A colour of the form #rrggbb for upload, or nothing. */
  upload: string;
  public: string;
  /** The relay's folder without the last slash. */
  base: string;
  /** The origins of portals whose pages may frame the widget, with blanks between them. */
  origins: string;
}

const PROVIDER: Provider = { brand: "Karoo Wireless", support: null, upload: "", public: "", base: "", origins: "" };

/** A sample's rates. */
export interface Rates {
  down: number;
  up: number;
}

/** One open viewer. */
export interface Viewer {
  send(frame: Frame): void;
  close(code: number, reason: string): void;
  /** Cuts the connection without a close frame. */
  cut(): void;
}

/** The answer to a viewer's first frame. */
export type Answer = (viewer: Viewer, watch: Frame) => void;

/** Answers a request of the console's API. `path` is within the API. */
export type ConsoleApi = (path: string, request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The scripted relay. */
export class FakeRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #viewers = new Set<Viewer>();
  #isAway = false;
  /** Every first frame there was. */
  readonly watches: Frame[] = [];
  /** How many bytes of the page went out, gzip. */
  transferred = 0;
  /** Sets the answer to new viewers. */
  answer: Answer = (viewer) => viewer.send(snapshot());
  /** True turns WebSockets away, like a proxy without them. */
  refusesWebSockets = false;
  /** Whether new connections hang without an answer. */
  hangs = false;
  /** A script for the page, before the page's scripts; empty for none. */
  prelude = "";
  /** The withheld files by path, each with the way. */
  withheld: { files: RegExp; by: "an error" | "a cut connection" } | null = null;
  /** The provider's words in the page. */
  provider: Provider = PROVIDER;
  /** The console's API; none for null. */
  console: ConsoleApi | null = null;
  /** The newest slow report of every line, as its subscriber sees it. */
  report: Frame | null = null;
  /** The days behind every line, by the hours asked for; none for null. */
  days: ((hours: number) => Frame) | null = null;
  /** Refuses slow reports so. */
  refusesReports: { status: number; reason: string } | null = null;
  /** The words of every slow report there was. */
  readonly reported: unknown[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeRelay> {
    const server = createServer();
    const relay = new FakeRelay(server);
    server.on("connection", (socket) => {
      if (relay.#isAway) return void socket.destroy();
      relay.#sockets.add(socket);
      socket.on("close", () => relay.#sockets.delete(socket));
    });
    server.on("request", (request, response) => void relay.#serve(request, response));
    const sockets = new WebSocketServer({ noServer: true });
    server.on("upgrade", (request, socket, head) => {
      if (relay.hangs) return;
      if (relay.refusesWebSockets || !LIVE.includes(relay.#within(request) ?? "")) return void socket.end("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
      sockets.handleUpgrade(request, socket, head, (open) => relay.#accept(open));
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    return relay;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many viewers are open. */
  get viewers(): number {
    return this.#viewers.size;
  }

  /** Sends a frame to all viewers. */
  send(frame: Frame): void {
    written(frame);
    for (const viewer of this.#viewers) viewer.send(frame);
  }

  /** Closes all viewers with a code. */
  close(code: number, reason: string): void {
    for (const viewer of [...this.#viewers]) viewer.close(code, reason);
  }

  /** Cuts all viewers. */
  cut(): void {
    for (const viewer of [...this.#viewers]) viewer.cut();
  }

  /** Cuts every connection and takes no new one, like a restarting relay, until `comeBack`. */
  goAway(): void {
    this.#isAway = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  comeBack(): void {
    this.#isAway = false;
  }

  /** Sends a sample of these rates each second until the returned function is called. */
  stream(rates: (second: number) => Rates, clock: () => number = Date.now): () => void {
    let second = 0;
    const send = (): void => this.send(sample(clock(), rates(second++)));
    send();
    const timer = setInterval(send, 1_000);
    return () => clearInterval(timer);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((closed) => this.#server.close(closed));
  }

  #accept(socket: WebSocket): void {
    const viewer: Viewer = {
      send: (frame) => socket.send(written(frame)),
      close: (code, reason) => {
        if (code >= 4000) viewer.send({ type: "error", code, reason });
        socket.close(code, reason);
      },
      cut: () => socket.terminate(),
    };
    socket.on("close", () => this.#viewers.delete(viewer));
    socket.once("message", (data) => this.#watched(viewer, JSON.parse(String(data)) as Frame));
  }

  #watched(viewer: Viewer, watch: Frame): void {
    this.watches.push(watch);
    this.#viewers.add(viewer);
    this.answer(viewer, watch);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = this.#within(request);
    if (path === null) return void response.writeHead(404).end();
    const events = /^\/api\/v1\/lines\/([^/]+)\/live$/.exec(path);
    if (events?.[1] !== undefined) return this.#events(request, response, decodeURIComponent(events[1]));
    if (/^\/api\/v1\/lines\/[^/]+\/slow$/.test(path)) return this.#slow(request, response);
    if (/^\/api\/v1\/lines\/[^/]+\/past$/.test(path)) return this.#past(request, response);
    if (this.withheld?.files.test(path)) return this.#withhold(response, this.withheld.by);
    if (path === PRELUDE) return this.#content(response, path, Buffer.from(this.prelude));
    if (path.startsWith("/console/api/") && this.console !== null) {
      return this.console(path.slice("/console/api/".length) + new URL(request.url ?? "/", this.origin).search, request, response);
    }
    await this.#file(response, normalize(fileOf(path)));
  }

  #past(request: IncomingMessage, response: ServerResponse): void {
    const hours = Number(new URL(request.url ?? "/", this.origin).searchParams.get("hours"));
    response.writeHead(this.days === null ? 503 : 200, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(this.days?.(hours) ?? { reason: "store" }));
  }

  async #slow(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const say = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" }).end(JSON.stringify(body));
    };
    if (request.method !== "POST") return say(200, { report: this.report });
    const { words } = (await json(request)) as { words?: unknown };
    if (this.refusesReports !== null) return say(this.refusesReports.status, this.refusesReports);
    this.reported.push(words);
    this.report = { number: 17, made: Date.now(), answer: null, closed: null };
    say(201, this.report);
  }

  /** The path within the relay's folder, like behind a proxy; null outside. */
  #within(request: IncomingMessage): string | null {
    const { pathname } = new URL(request.url ?? "/", this.origin);
    return pathname.startsWith(`${this.provider.base}/`) ? pathname.slice(this.provider.base.length) : null;
  }

  #withhold(response: ServerResponse, by: "an error" | "a cut connection"): void {
    if (by === "a cut connection") response.socket?.destroy();
    else response.writeHead(404).end();
  }

  #events(request: IncomingMessage, response: ServerResponse, username: string): void {
    const begin = (): void => {
      if (!response.headersSent) response.writeHead(200, EVENT_STREAM);
    };
    const viewer: Viewer = {
      send: (frame) => {
        begin();
        response.write(`event: ${String(frame["type"])}\ndata: ${written(frame)}\n\n`);
      },
      close: (code, reason) => {
        if (!response.headersSent) return refuse(response, code, reason);
        viewer.send({ type: "error", code, reason });
        response.end();
      },
      cut: () => response.destroy(),
    };
    response.on("close", () => this.#viewers.delete(viewer));
    this.#watched(viewer, { type: "events", username, authorization: request.headers.authorization });
  }

  async #file(response: ServerResponse, file: string): Promise<void> {
    const body = await readFile(join(DIST, file)).catch(() => null);
    if (body === null || file.startsWith("..")) return void response.writeHead(404).end();
    const page = /\.(html|webmanifest)$/.test(file) ? Buffer.from(filled(body.toString(), this.provider)) : body;
    this.#content(response, file, file.endsWith(".html") && this.prelude !== "" ? withPrelude(page) : page);
  }

  #content(response: ServerResponse, file: string, body: Buffer): void {
    const packed = gzipSync(body, { level: 9 });
    this.transferred += packed.length;
    response.writeHead(200, {
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "content-encoding": "gzip",
      "content-security-policy": policyOf(file, this.provider.origins),
      "cross-origin-resource-policy": file === "embed.js" ? "cross-origin" : "same-origin",
      "x-content-type-options": "nosniff",
      "cache-control": "no-cache",
    });
    response.end(packed);
  }
}

/** The file of the build behind a path. */
function fileOf(path: string): string {
  if (path === "/" || path.startsWith("/line/")) return "index.html";
  if (path === "/console" || path.startsWith("/console/")) return "console.html";
  return path === "/embed" || path.startsWith("/embed/") ? "widget.html" : path.slice(1);
}

/** Refuses a viewer before the first frame. */
function refuse(response: ServerResponse, code: number, reason: string): void {
  const status = STATUSES.get(code) ?? 503;
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(`${written({ type: "error", code, reason })}\n`);
}

/** The page with the prelude's script as the head's first. */
function withPrelude(page: Buffer): Buffer {
  return Buffer.from(page.toString().replace("<head>", `<head><script src="${PRELUDE}"></script>`));
}

/** A frame as text. Throws for a frame that no real relay writes. */
function written(frame: Frame): string {
  const wrong = departures(frame);
  if (wrong.length > 0) throw new Error(`not a frame of the relay: ${wrong.join("; ")}: ${JSON.stringify(frame)}`);
  return JSON.stringify(frame);
}

/** A page with the provider's words, as the relay fills them. */
function filled(text: string, provider: Provider): string {
  const page = provider.support === null ? text.replace(/<!--support-->.*<!--\/support-->/s, "") : text;
  return page.replace(/\[\[(\w+)\]\]/g, (_, name: string) => provider[name as keyof Provider] ?? "");
}

/** A sample frame. */
export function sample(t: number, rates: Rates): Frame {
  return { type: "sample", t, ...rates };
}

/** Some samples in one frame, by columns. */
export function samples(columns: Frame): Frame {
  return { type: "samples", ...columns };
}

/** The newest averages. */
export function averagesFrame(columns: Frame): Frame {
  return { type: "averages", ...columns };
}

/** A state frame. */
export function state(name: string, more: Frame = {}): Frame {
  return { type: "state", state: name, since: null, sessions: 0, interval: 1000, now: Date.now(), ...more };
}

/** A snapshot of a running line without history; `more` changes any field. */
export function snapshot(more: Frame = {}): Frame {
  const now = Date.now();
  return {
    type: "snapshot",
    username: "4446@karoo.example",
    display: "4446@karoo.example",
    customer: "Protea Motors",
    package: "Fibre Direct 50/10",
    brand: "Karoo Wireless",
    plan: { down: 50_000_000, up: 10_000_000 },
    state: "running",
    since: now - 3_600_000,
    sessions: 1,
    interval: 1000,
    expires: now + 90 * 86_400_000,
    now,
    history: { t: [], down: [], up: [] },
    ...more,
  };
}

/** Rates whose figures have every digit: 14.78 Mbps and 620 kbps. */
export const EXACT: Rates = { down: 14_780_000, up: 620_000 };

/** A running line with a past of a minute and a half. */
export const running: Answer = (viewer) => {
  viewer.send(snapshot({ history: history(90, Date.now() - 1_000, people) }));
  viewer.send(sample(Date.now(), EXACT));
};

/** A history of so many seconds up to `end`; null from `rates` leaves a gap. */
export function history(seconds: number, end: number, rates: (age: number) => Rates | null): Frame {
  const columns = { t: [] as number[], down: [] as number[], up: [] as number[] };
  for (let age = seconds - 1; age >= 0; age -= 1) {
    const at = rates(age);
    if (at === null) continue;
    columns.t.push(end - age * 1_000);
    columns.down.push(Math.round(at.down));
    columns.up.push(Math.round(at.up));
  }
  return columns;
}

/** Averages of half minutes up to `end`, so many; null from `rates` leaves a gap. */
export function averages(count: number, end: number, rates: (age: number) => Rates | null): Frame {
  const columns = Array.from({ length: count }, (_, i) => rates((count - i) * 30));
  const column = (direction: keyof Rates) => columns.map((at) => (at === null ? null : Math.round(at[direction])));
  return { interval: 30_000, start: end - count * 30_000, down: column("down"), up: column("up") };
}

/** An evening on a line: an hour of video, a busy quarter of an hour, and ten minutes without a connection. */
export function evening(age: number): Rates | null {
  if (age > 4_200 && age < 4_800) return null;
  const noise = ((age * 7_919) % 97) / 97;
  if (age > 240 && age < 900) return { down: 47e6 + 1.5e6 * noise, up: 1.2e6 + 0.4e6 * noise };
  return age > 3_000 ? { down: 9e6 + 9e6 * noise, up: 0.5e6 + 0.6e6 * noise } : { down: 0.4e6 + 1e6 * noise, up: 0.1e6 };
}

/** Traffic as people make it: video in bursts, something in the background, a gap of some seconds. */
export function people(age: number): Rates | null {
  if (age > 34 && age < 39) return null;
  const noise = ((age * 7_919) % 97) / 97;
  const burst = age % 14 < 4 ? 26e6 : 9e6;
  return { down: Math.max(1e6, burst + 5e6 * Math.sin(age / 5) + 4e6 * noise), up: 0.4e6 + 1.4e6 * noise * noise };
}

function repository(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!folder.endsWith(join("tests", "browser"))) folder = dirname(folder);
  return dirname(dirname(folder));
}
