// A network, a clock and chance that a test holds in its hand.

import type { Frame, Target } from "../src/live/frame.ts";
import { type Heard, LiveSocket, type Transport, type World } from "../src/live/socket.ts";
import type { Link } from "../src/live/link.ts";
import { golden } from "./golden.ts";

export const SNAPSHOT = golden("viewer/snapshot-running.json");
export const SAMPLE = golden("viewer/sample.json");

/** One attempt that the page made. */
export class FakeTransport implements Transport {
  closedByPage = false;

  constructor(
    readonly kind: "webSocket" | "events",
    readonly target: Target,
    readonly heard: Heard,
  ) {}

  close(): void {
    this.closedByPage = true;
  }

  /** The relay accepts and answers. */
  answer(...texts: string[]): void {
    this.heard.opened();
    for (const text of texts) this.heard.text(text);
  }
}

/** The world, and a page's connection in it. */
export class FakeWorld implements World {
  readonly attempts: FakeTransport[] = [];
  readonly links: Link[] = [];
  readonly frames: Frame[] = [];
  readonly socket: LiveSocket;
  events: World["events"];
  nextChance = 0.5;
  #now = 1_000_000;
  #timers = new Map<number, { at: number; run: () => void }>();
  #lastTimer = 0;

  constructor(target: Target = { kind: "token", token: "a.b.c" }, hasEvents = true) {
    this.events = hasEvents ? this.#dial("events") : null;
    this.socket = new LiveSocket(target, this, {
      link: (link) => this.links.push(link),
      frame: (frame) => this.frames.push(frame),
    });
    this.socket.start();
  }

  webSocket: World["webSocket"] = this.#dial("webSocket");
  wall = (): number => this.#now;
  chance = (): number => this.nextChance;

  after(milliseconds: number, run: () => void): number {
    this.#lastTimer += 1;
    this.#timers.set(this.#lastTimer, { at: this.#now + milliseconds, run });
    return this.#lastTimer;
  }

  cancel(timer: number): void {
    this.#timers.delete(timer);
  }

  /** The newest attempt. */
  get attempt(): FakeTransport {
    return this.attempts[this.attempts.length - 1] as FakeTransport;
  }

  /** How the connection stands. */
  get link(): Link | undefined {
    return this.links[this.links.length - 1];
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Lets time pass with all its timers. */
  pass(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (let next = this.#due(end); next !== null; next = this.#due(end)) {
      const [id, timer] = next;
      this.#timers.delete(id);
      this.#now = timer.at;
      timer.run();
    }
    this.#now = end;
  }

  /** The device sleeps: time passes and no timer runs; they are all late afterwards. */
  sleep(milliseconds: number): void {
    this.#now += milliseconds;
    for (const timer of this.#timers.values()) timer.at = Math.max(timer.at, this.#now);
  }

  #due(end: number): [number, { at: number; run: () => void }] | null {
    const due = [...this.#timers].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at);
    return due[0] ?? null;
  }

  #dial(kind: "webSocket" | "events"): World["webSocket"] {
    return (target, heard) => {
      const transport = new FakeTransport(kind, target, heard);
      this.attempts.push(transport);
      return transport;
    };
  }
}
