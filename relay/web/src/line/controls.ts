// The page's buttons: the window, the units, the zoom, Refresh. Tells the reader's choices and shows them.

import { part, setText } from "../dom.ts";
import { strings } from "../words/en.ts";
import { type Settings, WINDOWS } from "./settings.ts";

/** The wishes behind the buttons. */
export interface Asked {
  choose(settings: Settings): void;
  refresh(): void;
}

/** The buttons. */
export class Controls {
  readonly #windows: Map<Settings["minutes"], HTMLButtonElement>;
  readonly #units = part(document, "#units");
  readonly #zoom = part(document, "#zoom");
  #settings: Settings;

  constructor(settings: Settings, asked: Asked) {
    this.#settings = settings;
    const choose = (change: Partial<Settings>): void => {
      this.#settings = { ...this.#settings, ...change };
      this.#show();
      asked.choose(this.#settings);
    };
    const group = part(document, "#window");
    this.#windows = new Map(WINDOWS.map((minutes) => [minutes, windowButton(minutes, () => choose({ minutes }))]));
    group.replaceChildren(...this.#windows.values());
    this.#units.addEventListener("click", () => choose({ units: this.#settings.units === "bits" ? "bytes" : "bits" }));
    this.#zoom.addEventListener("click", () => choose({ zoom: this.#settings.zoom === "plan" ? "peak" : "plan" }));
    part(document, "#refresh").addEventListener("click", () => asked.refresh());
    this.#show();
  }

  #show(): void {
    const { minutes: chosen, units, zoom } = this.#settings;
    for (const [minutes, button] of this.#windows) button.setAttribute("aria-pressed", String(minutes === chosen));
    setText(this.#units, units === "bits" ? strings.showBytes : strings.showBits);
    setText(this.#zoom, zoom === "plan" ? strings.zoomIn : strings.zoomOut);
  }
}

function windowButton(minutes: number, chosen: () => void): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = strings.minutes(minutes);
  button.addEventListener("click", chosen);
  return button;
}
