// The page's connection with the relay, for as long as the page is open: connects, watches for silence, comes back by
// itself, lets go while nobody looks. It draws nothing and keeps no samples. The network, timers and chance are given to it.

import { waitBefore } from "./backoff.ts";
import { NO_CODE, retryAfter, VIEWER_PROTOCOL } from "./close.ts";
import { type Frame, parseFrame, type Target } from "./frame.ts";
import type { Link, Lost } from "./link.ts";

/** From the attempt to the snapshot, in milliseconds: a slow 3G handshake takes ten seconds. */
export const CONNECT_TIMEOUT = 20_000;

/** The relay writes something every ten seconds; after so long without, the connection is dead. */
export const SILENCE = 25_000;

/** A page that nobody sees lets go of its watch after so long. */
export const HIDDEN_FOR = 60_000;

/** A connection that lasted so long starts the back-off anew. */
const SETTLED = 10_000;

/** How often the page looks whether the device slept, and how late that look is if it did. */
const LOOK = 5_000;
const SLEPT = 15_000;

/** After so many attempts without a WebSocket in a row, every second one is by server-sent events. */
const REFUSED_WEBSOCKETS = 2;

/** Two refreshes closer than this are one, in milliseconds. */
const REFRESH_AGAIN = 1_000;

/** What a transport tells. Nothing follows `closed`. */
export interface Heard {
  opened(): void;
  text(text: string): void;
  /** The close code; `NO_CODE` without one. */
  closed(code: number): void;
}

/** One attempt; `close` is final, and nothing is heard after it. */
export interface Transport {
  close(): void;
}

/** Opens a transport that watches a target. */
export type Dial = (target: Target, heard: Heard) => Transport;

/** What the connection needs of the browser. */
export interface World {
  webSocket: Dial;
  /** Server-sent events; null where the target's username is not known. */
  events: Dial | null;
  /** Wall-clock milliseconds, used for differences only: unlike the monotonic clock it goes on while a device sleeps. */
  wall(): number;
  chance(): number;
  after(milliseconds: number, run: () => void): number;
  cancel(timer: number): void;
}

/** What the connection tells. */
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
  /** Since a connection last lasted, in milliseconds. */
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

  /** Connects anew because the reader asked, whatever the state. */
  refresh(): void {
    if (this.#transport !== null && this.#world.wall() - this.#connectedAt < REFRESH_AGAIN) return;
    this.#forgive();
    this.#connect(null);
  }

  /** The page is not seen any more: let go in a while. */
  hidden(): void {
    this.#hidden = true;
    this.#timers.hidden.start(HIDDEN_FOR, () => this.pause());
  }

  /** The page is seen again. */
  shown(): void {
    this.#hidden = false;
    this.#timers.hidden.stop();
    if (this.#link.kind === "paused") this.refresh();
  }

  /** Lets go at once, until `shown`. */
  pause(): void {
    if (this.#link.kind === "ended") return;
    this.#drop();
    this.#tell({ kind: "paused" });
  }

  /** The browser says that it has no network. It may be wrong, so attempts go on. */
  offline(): void {
    if (this.#transport !== null) this.#lost(NO_CODE);
  }

  /** The browser says that it has a network again. */
  online(): void {
    if (this.#link.kind === "lost") this.#connect(this.#link);
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

  /** WebSocket, or server-sent events by turns where no WebSocket opens. A WebSocket counts as refused until it opens. */
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
    const lost: Lost = { kind: "lost", code };
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

  /** Looks for a time in which no timer ran: the device slept, and the connection is not worth waiting for. */
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
    this.#connect({ kind: "lost", code: NO_CODE });
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

/** What belongs to one attempt alone. */
class Attempt {
  over = false;
  /** The code of its error frame: a proxy may lose the close frame's. */
  error: number | null = null;
}

/** A timer that runs at most once at a time. */
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
