// Starts the page: reads the address, opens the connection, and hands the browser's events on. Tells the reader when
// anything fails.

import { part } from "./dom.ts";
import { paint } from "./line/colours.ts";
import { takeCodes } from "./line/code.ts";
import { Controls } from "./line/controls.ts";
import { askAt } from "./line/days.ts";
import { Monitor } from "./line/monitor.ts";
import { animate, TICK } from "./line/motion.ts";
import { preparePrinting } from "./line/paper.ts";
import { loadSettings, saveSettings, type Settings } from "./line/settings.ts";
import { SlowReports } from "./line/slow.ts";
import { pathWithin, readAddress } from "./live/address.ts";
import { linkWithout } from "./live/link.ts";
import { LiveSocket } from "./live/socket.ts";
import { browserWorld } from "./live/world.ts";

/** The relay's folder: this script is in its assets. */
const BASE = new URL("../", import.meta.url);

addEventListener("error", (event) => {
  // A ResizeObserver that runs twice in a picture reports no error object.
  if (event.error instanceof Error) tellFault();
});
addEventListener("unhandledrejection", tellFault);
/** Shows the sentence that index.html holds for faults: the words need no code that may have failed. */
function tellFault(): void {
  const fault = document.querySelector<HTMLElement>("#fault");
  if (fault !== null) fault.hidden = false;
}

function start(): void {
  attempt(() => paint(document.documentElement));
  const storage = (): Storage => localStorage;
  const settings = loadSettings(storage);
  const monitor = new Monitor(settings, () => ({ monotonic: performance.now(), wall: Date.now() }), askAt(BASE.href));
  const session = new Session(monitor);
  const choose = (chosen: Settings): void => {
    saveSettings(storage, chosen);
    monitor.choose(chosen);
  };
  attempt(() => new Controls(settings, { choose, refresh: () => session.socket?.refresh() }));
  attempt(() => takeCodes(BASE.href));
  attempt(() => (session.reports = new SlowReports(BASE.href)));
  attempt(() => preparePrinting(() => part(document, "#name").textContent ?? ""));
  session.open();
  setInterval(() => monitor.render(), TICK);
  attempt(() => animate(() => monitor.scroll()));
  listen(session);
  part(document, "#not-started").remove();
}

/** Runs a part of the page that the figures do not need. */
function attempt(run: () => void): void {
  try {
    run();
  } catch (fault) {
    tellFault();
    console.error(fault);
  }
}

function listen(session: Session): void {
  addEventListener("hashchange", () => session.open());
  addEventListener("online", () => session.socket?.online());
  addEventListener("offline", () => session.socket?.offline());
  addEventListener("pagehide", () => session.socket?.pause());
  addEventListener("pageshow", () => session.seen());
  document.addEventListener("visibilitychange", () => session.seen());
}

/** The connection of the present address. */
class Session {
  readonly #monitor: Monitor;
  socket: LiveSocket | null = null;
  reports: SlowReports | null = null;

  constructor(monitor: Monitor) {
    this.#monitor = monitor;
  }

  /** Watches the line that the address names. */
  open(): void {
    this.socket?.stop();
    this.socket = null;
    const request = readAddress(pathWithin(BASE, location.pathname), location.hash, location.search);
    this.reports?.of(request.kind === "watch" ? request.target : null);
    if (request.kind !== "watch") return this.#monitor.begin(null, linkWithout(request.kind));
    this.#monitor.begin(request.target, { kind: "connecting", after: null });
    this.socket = new LiveSocket(request.target, browserWorld(BASE.href, request.target), this.#monitor);
    this.socket.start();
    this.seen();
  }

  /** Tells the connection whether somebody sees the page. */
  seen(): void {
    if (document.visibilityState === "hidden") this.socket?.hidden();
    else this.socket?.shown();
  }
}

try {
  start();
} catch (fault) {
  document.querySelector("#not-started")?.classList.add("certain");
  throw fault;
}
