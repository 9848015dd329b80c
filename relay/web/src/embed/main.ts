// Starts the widget in a portal's frame: reads the address, opens the connection, and tells the frame's maker the height. Keeps
// nothing in the browser.

import { part } from "../dom.ts";
import { paint } from "../line/colours.ts";
import { animate, TICK } from "../line/motion.ts";
import { pathWithin, readAddress, type Request } from "../live/address.ts";
import { linkWithout } from "../live/link.ts";
import { LiveSocket } from "../live/socket.ts";
import { browserWorld } from "../live/world.ts";
import { tellRoom } from "./room.ts";
import { dress, readWishes } from "./theme.ts";
import { neededHeight, Widget } from "./widget.ts";

/** The relay's folder: this script is in its assets. */
const BASE = new URL("../", import.meta.url);

/** The connection of the present address. */
let socket: LiveSocket | null = null;

/** The meaning of the widget's address: the page's own, under another path. */
function requested(): Request {
  const path = pathWithin(BASE, location.pathname).replace(/^\/embed\/?/, "/");
  return readAddress(path === "/" ? path : `/line${path}`, location.hash);
}

function open(widget: Widget): void {
  socket?.stop();
  socket = null;
  const request = requested();
  if (request.kind !== "watch") return widget.begin(null, linkWithout(request.kind));
  widget.begin(request.target, { kind: "connecting", after: null });
  socket = new LiveSocket(request.target, browserWorld(BASE.href, request.target), widget);
  socket.start();
  look();
}

/** Tells the connection whether somebody sees the portal's page. */
function look(): void {
  if (document.visibilityState === "hidden") socket?.hidden();
  else socket?.shown();
}

function listen(widget: Widget): void {
  addEventListener("hashchange", () => open(widget));
  addEventListener("online", () => socket?.online());
  addEventListener("offline", () => socket?.offline());
  addEventListener("pagehide", () => socket?.pause());
  addEventListener("pageshow", look);
  document.addEventListener("visibilitychange", look);
}

function start(): void {
  const root = document.documentElement;
  paint(root);
  dress(root, readWishes(location.search));
  const tell = tellRoom((root.dataset["origins"] ?? "").split(" "), neededHeight);
  const widget = new Widget(() => ({ monotonic: performance.now(), wall: Date.now() }), tell);
  open(widget);
  setInterval(() => widget.render(), TICK);
  addEventListener("resize", tell);
  animate(() => widget.scroll());
  listen(widget);
  part(document, "#not-started").remove();
}

try {
  start();
} catch (fault) {
  document.querySelector("#not-started")?.classList.add("certain");
  throw fault;
}
