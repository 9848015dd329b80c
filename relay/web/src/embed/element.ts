// `<linelight-line token="…">` for the pages of a portal, served as /embed.js: makes the widget's frame and gives it the height
// that the widget asks for. A script by itself: it shares nothing with the page that it is in.

import type { RoomMessage } from "./room.ts";

/** The heights that a frame may get, in pixels. */
const LEAST = 150;
const MOST = 600;

/** The height before the widget has told its own. */
const USUAL = 220;

/** The attributes that go into the frame's address. */
const WISHES = ["theme", "accent", "back", "lang"] as const;

/** The relay's folder: this script is in it. */
const RELAY = new URL(".", (document.currentScript as HTMLScriptElement | null)?.src ?? location.href);

class LinelightLine extends HTMLElement {
  static readonly observedAttributes = ["token", "username", "title", "height", ...WISHES];
  readonly #frame = document.createElement("iframe");
  readonly #listen = (event: MessageEvent<Partial<RoomMessage> | null>): void => this.#hear(event);

  connectedCallback(): void {
    const frame = this.#frame;
    const { style } = frame;
    style.display = "block";
    style.width = "100%";
    // An attribute, and no style: the portal's style sheet wins over it.
    frame.setAttribute("frameborder", "0");
    frame.referrerPolicy = "no-referrer";
    frame.sandbox.add("allow-scripts", "allow-same-origin");
    frame.onload = () => frame.contentWindow?.postMessage({ linelight: "room" } satisfies RoomMessage, RELAY.origin);
    addEventListener("message", this.#listen);
    if (getComputedStyle(this).display === "inline") this.style.display = "block";
    this.#show();
    this.append(frame);
  }

  disconnectedCallback(): void {
    removeEventListener("message", this.#listen);
    this.#frame.remove();
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.#show();
  }

  #show(): void {
    const frame = this.#frame;
    const username = this.getAttribute("username");
    const token = this.getAttribute("token");
    const address = new URL(token === null && username !== null ? `embed/${encodeURIComponent(username)}` : "embed", RELAY);
    for (const name of WISHES) {
      const value = this.getAttribute(name);
      if (value !== null) address.searchParams.set(name, value);
    }
    if (token !== null) address.hash = token.slice(token.lastIndexOf("#") + 1);
    if (frame.src !== address.href) frame.src = address.href;
    frame.title = this.title || "Your line right now";
    const fixed = Number(this.getAttribute("height"));
    if (fixed > 0) frame.style.height = `${fixed}px`;
    else if (frame.style.height === "") frame.style.height = `${USUAL}px`;
  }

  #hear({ source, origin, data }: MessageEvent<Partial<RoomMessage> | null>): void {
    if (source !== this.#frame.contentWindow || origin !== RELAY.origin || data?.linelight !== "room") return;
    const height = Number(data.height);
    if (height > 0 && !this.hasAttribute("height")) this.#frame.style.height = `${Math.min(MOST, Math.max(LEAST, Math.ceil(height)))}px`;
  }
}

if (!customElements.get("linelight-line")) customElements.define("linelight-line", LinelightLine);
