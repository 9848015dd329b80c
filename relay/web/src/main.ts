// Starts the page: reads the address, opens the connection, and hands the browser's events to those who know what to do.

import { readAddress } from "./live/address.ts";
import { LINK_REFUSED } from "./live/close.ts";
import { Controls } from "./line/controls.ts";
import type { Target } from "./live/frame.ts";
import { Monitor } from "./line/monitor.ts";
import { loadSettings, saveSettings } from "./line/settings.ts";
import { LiveSocket, type World } from "./live/socket.ts";
import type { Link } from "./live/link.ts";
import { eventsDial, webSocketDial } from "./live/transport.ts";

/** How often figures are looked at for their age, in milliseconds. */
const TICK = 1_000;

const storage = (): Storage => localStorage;
const settings = loadSettings(storage);
const monitor = new Monitor(settings, () => performance.now(), () => Date.now());
let socket: LiveSocket | null = null;

new Controls(settings, {
  choose: (chosen) => {
    saveSettings(storage, chosen);
    monitor.choose(chosen);
  },
  refresh: () => socket?.refresh(),
});

open();
animate();
setInterval(() => monitor.render(), TICK);
addEventListener("hashchange", open);
addEventListener("online", () => socket?.online());
addEventListener("offline", () => socket?.offline());
addEventListener("pagehide", () => socket?.pause());
addEventListener("pageshow", seen);
document.addEventListener("visibilitychange", seen);

/** Watches what the address names. */
function open(): void {
  socket?.stop();
  socket = null;
  const request = readAddress(location.pathname, location.hash);
  if (request.kind !== "watch") return monitor.begin(null, linkWithout(request.kind));
  monitor.begin(request.target, { kind: "connecting", after: null });
  socket = new LiveSocket(request.target, world(request.target), monitor);
  socket.start();
  seen();
}

function linkWithout(kind: "none" | "elsewhere" | "too_long"): Link {
  return kind === "too_long" ? { kind: "ended", code: LINK_REFUSED } : { kind };
}

function world(target: Target): World {
  return {
    webSocket: webSocketDial(location.origin),
    events: eventsDial(location.origin, target),
    wall: () => Date.now(),
    chance: () => Math.random(),
    after: (milliseconds, run) => window.setTimeout(run, milliseconds),
    cancel: (timer) => window.clearTimeout(timer),
  };
}

function seen(): void {
  if (document.visibilityState === "hidden") socket?.hidden();
  else socket?.shown();
}

/** Scrolls the chart as smoothly as the screen can, or each second where the reader asked for less motion. */
function animate(): void {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let stepped = 0;
  const step = (at: number): void => {
    if (!calm.matches || at - stepped >= TICK) {
      stepped = at;
      monitor.scroll();
    }
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}
