// The page's connection with the relay while the page is open: connects, watches for silence, comes back by itself, and
// lets go of a hidden page. Draws nothing and keeps no samples. Network, timers and chance are arguments.

import { waitBefore } from "./backoff.ts";
import { NO_CODE, retryAfter, VIEWER_PROTOCOL } from "./close.ts";
import { type Frame, parseFrame, type Target } from "./frame.ts";
import type { Link, Lost } from "./link.ts";

/** The longest time from an attempt to its snapshot, in milliseconds: a slow 3G handshake takes ten seconds. */
export const CONNECT_TIMEOUT = 20_000;

/** The relay writes at least every ten seconds; a connection silent for so long is dead. In milliseconds. */
export const SILENCE = 25_000;

/** A hidden page lets go of its watch after so long, in milliseconds. */
export const HIDDEN_FOR = 60_000;

/** A connection of this length starts the back-off anew, in milliseconds. */
const SETTLED = 10_000;

/** The page looks for a sleep of the device each `LOOK`; a look late by `SLEPT` found one. In milliseconds. */
const LOOK = 5_000;
const SLEPT = 15_000;

/** After so many failed WebSockets in a row, every second attempt uses server-sent events. */
const REFUSED_WEBSOCKETS = 2;

/** Two refreshes within this time are one, in milliseconds. */
const REFRESH_AGAIN = 1_000;

/** The ears of a transport. Nothing follows `closed`. */
export interface Heard {
  opened(): void;
  text(text: string): void;
  /** The close code; `NO_CODE` without one. */
  closed(code: number): void;
}

/** One attempt. `close` is final: nothing is heard afterwards. */
export interface Transport {
  close(): void;
}

/** Opens a transport for a target. */
export type Dial = (target: Target, heard: Heard) => Transport;

/** The browser as the connection needs it. */
export interface World {
  webSocket: Dial;
  /** Server-sent events; null where the target's username is not known. */
  events: Dial | null;
  /** Wall-clock milliseconds, for differences only: unlike the monotonic clock, the wall clock goes on while a device sleeps. */
  wall(): number;
  chance(): number;
  after(milliseconds: number, run: () => void): number;
  cancel(timer: number): void;
}

/** The ears of a connection. */
export interface Listener {
  link(link: Link): void;
  frame(frame: Frame): void;
}

/** The connection of one target. */
export class LiveSocket {
  readonly #target: Target;
  readonly #world: World;
  readonly #listener: Listener;
  readonly #timers: Record<"next" | "silence" | "settled" | "hidden" | "look", Timer>;
  #transport: Transport | null = null;
  #link: Link = { kind: "connecting", after: null };
  #failures = 0;
  /** The waits since the last connection of length, in milliseconds. */
  #waited = 0;
  #refusedWebSockets = 0;
  #connectedAt = 0;
  #hidden = false;

  constructor(target: Target, world: World, listener: Listener) {
    this.#target = target;
    this.#world = world;
    this.#listener = listener;
    const timer = (): Timer => new Timer(world);
    this.#timers = { next: timer(), silence: timer(), settled: timer(), hidden: timer(), look: timer() };
  }

  /** Connects for the first time. */
  start(): void {
    this.#look(this.#world.wall());
    this.#connect(null);
  }

  /** Lets go for good. */
  stop(): void {
    this.#drop();
    for (const timer of Object.values(this.#timers)) timer.stop();
  }

  /** Connects anew in any state, because the reader asked. */
  refresh(): void {
    if (this.#transport !== null && this.#world.wall() - this.#connectedAt < REFRESH_AGAIN) return;
    this.#forgive();
    this.#connect(null);
  }

  /** The page is hidden: lets go in a while. */
  hidden(): void {
    this.#hidden = true;
    this.#timers.hidden.start(HIDDEN_FOR, () => this.pause());
  }

  /** The page is seen again: a reader does not wait for the back-off. */
  shown(): void {
    this.#hidden = false;
    this.#timers.hidden.stop();
    if (this.#link.kind === "paused") this.refresh();
    if (this.#link.kind === "lost" && retryAfter(this.#link.code) === "back_off") this.#connect(this.#link);
  }

  /** Lets go at once; `shown` connects again. */
  pause(): void {
    if (this.#link.kind === "ended") return;
    this.#drop();
    this.#tell({ kind: "paused" });
  }

  /** The browser reports no network. Browsers are wrong about networks, so attempts go on. */
  offline(): void {
    if (this.#transport !== null) this.#lost(NO_CODE);
  }

  /** The browser reports a network: tries at once, and gives up an attempt from before the network came. */
  online(): void {
    if (this.#link.kind === "lost") return this.#connect(this.#link);
    const hangs = this.#world.wall() - this.#connectedAt >= REFRESH_AGAIN;
    if (this.#link.kind === "connecting" && hangs) this.#connect(this.#link.after);
  }

  #connect(after: Lost | null): void {
    this.#drop();
    this.#connectedAt = this.#world.wall();
    this.#tell({ kind: "connecting", after });
    const attempt = new Attempt();
    const current = (run: () => void): void => {
      if (!attempt.over) run();
    };
    this.#timers.silence.start(CONNECT_TIMEOUT, () => this.#lost(NO_CODE));
    const transport = this.#choose()(this.#target, {
      opened: () => undefined,
      text: (text) => current(() => this.#read(text, attempt)),
      closed: (code) => current(() => this.#lost(attempt.error ?? code)),
    });
    this.#transport = {
      close: () => {
        attempt.over = true;
        transport.close();
      },
    };
  }

  /** Chooses a WebSocket, or server-sent events by turns where no WebSocket opens. A WebSocket counts as refused until open. */
  #choose(): Dial {
    const { events, webSocket } = this.#world;
    const isRefused = this.#refusedWebSockets >= REFUSED_WEBSOCKETS;
    if (isRefused && events !== null && this.#failures % 2 === 0) return events;
    this.#refusedWebSockets += 1;
    return (target, heard) =>
      webSocket(target, {
        ...heard,
        opened: () => {
          this.#refusedWebSockets = 0;
        },
      });
  }

  #read(text: string, attempt: Attempt): void {
    const parsed = parseFrame(text);
    if (parsed.kind === "malformed") return this.#lost(VIEWER_PROTOCOL);
    if (this.#link.kind === "open") this.#listen();
    if (parsed.kind === "ignored") return;
    if (parsed.frame.type === "error") attempt.error = parsed.frame.code;
    if (parsed.frame.type === "snapshot" && this.#link.kind !== "open") this.#opened();
    this.#listener.frame(parsed.frame);
  }

  #opened(): void {
    this.#timers.settled.start(SETTLED, () => this.#forgive());
    this.#tell({ kind: "open" });
    this.#listen();
  }

  #listen(): void {
    this.#timers.silence.start(SILENCE, () => this.#lost(NO_CODE));
  }

  #lost(code: number): void {
    this.#drop();
    const wait = waitBefore(retryAfter(code), this.#waited, this.#world.chance());
    if (wait === null) return this.#tell({ kind: "ended", code });
    this.#failures += 1;
    this.#waited += wait;
    const lost: Lost = { kind: "lost", code, retryAt: this.#world.wall() + wait };
    this.#timers.next.start(wait, () => this.#connect(lost));
    this.#tell(lost);
  }

  #drop(): void {
    this.#timers.next.stop();
    this.#timers.silence.stop();
    this.#timers.settled.stop();
    this.#transport?.close();
    this.#transport = null;
  }

  /** Looks for a time without timers: the device slept, and its connection is dead. */
  #look(last: number): void {
    this.#timers.look.start(LOOK, () => {
      const now = this.#world.wall();
      if (now - last > LOOK + SLEPT) this.#woke();
      this.#look(now);
    });
  }

  #woke(): void {
    if (this.#link.kind === "ended" || this.#link.kind === "paused") return;
    if (this.#hidden) return this.pause();
    this.#forgive();
    this.#connect({ kind: "lost", code: NO_CODE, retryAt: this.#world.wall() });
  }

  #forgive(): void {
    this.#failures = 0;
    this.#waited = 0;
  }

  #tell(link: Link): void {
    this.#link = link;
    this.#listener.link(link);
  }
}

/** The state of one attempt. */
class Attempt {
  over = false;
  /** The code of the error frame: a proxy may lose the code of the close frame. */
  error: number | null = null;
}

/** A timer with at most one run ahead. */
class Timer {
  readonly #world: World;
  #running: number | null = null;

  constructor(world: World) {
    this.#world = world;
  }

  start(milliseconds: number, run: () => void): void {
    this.stop();
    this.#running = this.#world.after(milliseconds, () => {
      this.#running = null;
      run();
    });
  }

  stop(): void {
    if (this.#running !== null) this.#world.cancel(this.#running);
    this.#running = null;
  }
}
