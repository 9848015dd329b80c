// The browser as the connection needs it: network, timers, clock and chance.

import type { Target } from "./frame.ts";
import type { World } from "./socket.ts";
import { eventsDial, webSocketDial } from "./transport.ts";

/** Returns the browser's world for a target at a relay's folder, whose address ends in a slash. */
export function browserWorld(base: string, target: Target): World {
  return {
    webSocket: webSocketDial(`${base}api/v1/live`),
    events: eventsDial(base, target),
    wall: () => Date.now(),
    chance: () => Math.random(),
    after: (milliseconds, run) => window.setTimeout(run, milliseconds),
    cancel: (timer) => window.clearTimeout(timer),
  };
}
