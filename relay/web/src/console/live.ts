// The live part of a line: the very figures, charts and sentence of the subscriber's page, by its own code, and one connection
// for the line that is open.

import { part } from "../dom.ts";
import { ask } from "../line/asking.ts";
import { Controls } from "../line/controls.ts";
import type { Ask } from "../line/days.ts";
import { Monitor } from "../line/monitor.ts";
import { animate, TICK } from "../line/motion.ts";
import { loadSettings, saveSettings, type Settings, WINDOWS } from "../line/settings.ts";
import { usernameOf } from "../live/address.ts";
import { type Frame, readDays, type Target } from "../live/frame.ts";
import type { Link } from "../live/link.ts";
import { LiveSocket } from "../live/socket.ts";
import { webSocketDial } from "../live/transport.ts";
import { browserWorld } from "../live/world.ts";
import { lineCard, linePill } from "./card.ts";

/** The past of a line without figures is shown so far back, in minutes. */
const PAST = 120;

/** The live part. Its elements must stand in the document before `begin`. */
export class Live {
  /** The state, for the head of the line. */
  readonly pill: HTMLElement;
  /** Figures, charts and sentence. */
  readonly card: HTMLElement;
  readonly #base: string;
  #monitor: Monitor | null = null;
  #socket: LiveSocket | null = null;
  #settings = loadSettings(() => localStorage);
  #timer = 0;
  readonly #left = new AbortController();
  /** The window was widened by itself: the reader's own choice comes back with the next line. */
  #isWidened = false;

  /** `base` is the relay's address with its folder and a last slash. */
  constructor(base: string) {
    this.#base = base;
    this.pill = linePill();
    this.card = lineCard();
    const { signal } = this.#left;
    for (const name of ["online", "offline", "pagehide", "pageshow"]) addEventListener(name, () => this.#heard(name), { signal });
    document.addEventListener("visibilitychange", () => this.#heard("pageshow"), { signal });
  }

  /** Watches a line. */
  begin(username: string): void {
    this.#socket?.stop();
    this.#monitor ??= this.#start();
    if (this.#isWidened) this.#choose(this.#settings.minutes);
    this.#isWidened = false;
    const target: Target = { kind: "username", username };
    this.#monitor.begin(target, { kind: "connecting", after: null });
    const world = { ...browserWorld(this.#base, target), webSocket: webSocketDial(`${this.#base}console/api/live`), events: null };
    this.#socket = new LiveSocket(target, world, { link: (link) => this.#monitor?.link(link), frame: (frame) => this.#frame(frame) });
    this.#socket.start();
    this.#heard("pageshow");
    clearInterval(this.#timer);
    this.#timer = window.setInterval(() => this.#monitor?.render(), TICK);
  }

  /** Lets the line go. */
  end(): void {
    clearInterval(this.#timer);
    this.#socket?.stop();
    this.#socket = null;
    const none: Link = { kind: "none" };
    this.#monitor?.begin(null, none);
  }

  /** Lets everything go. */
  leave(): void {
    this.end();
    this.#left.abort();
  }

  #start(): Monitor {
    const monitor = new Monitor(this.#settings, () => ({ monotonic: performance.now(), wall: Date.now() }), askDesk(this.#base));
    const choose = (settings: Settings): void => {
      if (!this.#isWidened) {
        this.#settings = settings;
        saveSettings(() => localStorage, settings);
      }
      monitor.choose(settings);
    };
    new Controls(this.#settings, { choose, refresh: () => this.#socket?.refresh() });
    // Until the section is left.
    animate(() => (this.card.isConnected ? monitor.scroll() : false));
    return monitor;
  }

  #frame(frame: Frame): void {
    // The way to this desk says nothing of the customer's device.
    if (frame.type !== "self") this.#monitor?.frame(frame);
    // A line without figures shows its past, which ends where it ended.
    const isOver = frame.type === "snapshot" && ["offline", "unreachable", "stalled"].includes(frame.status.state);
    if (!isOver || this.#isWidened || this.#settings.minutes === PAST) return;
    this.#isWidened = true;
    this.#choose(PAST);
  }

  /** Presses the button of a window. */
  #choose(minutes: number): void {
    const index = WINDOWS.findIndex((window) => window === minutes);
    (part(this.card, "#window").children[index] as HTMLElement | undefined)?.click();
  }

  #heard(name: string): void {
    if (name === "online") this.#socket?.online();
    else if (name === "offline") this.#socket?.offline();
    else if (name === "pagehide") this.#socket?.pause();
    else if (document.visibilityState === "hidden") this.#socket?.hidden();
    else this.#socket?.shown();
  }
}

/** Asks for a line's days by the session. */
function askDesk(base: string): Ask {
  return async (target, hours) => {
    const path = `console/api/lines/${encodeURIComponent(usernameOf(target) ?? "")}/past?hours=${hours}`;
    return readDays((await ask(base + path, null)).body);
  };
}
