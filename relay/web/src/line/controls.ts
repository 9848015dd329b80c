// The page's buttons: how far back, which units, refresh. Tells what was chosen and shows it; does nothing about it.

import { part, setText } from "../dom.ts";
import { type Settings, WINDOWS } from "./settings.ts";
import { strings } from "../words/en.ts";

/** What the buttons ask for. */
export interface Asked {
  choose(settings: Settings): void;
  refresh(): void;
}

/** The buttons. */
export class Controls {
  readonly #windows: Map<Settings["minutes"], HTMLButtonElement>;
  readonly #units = part(document, "#units");
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
    part(document, "#refresh").addEventListener("click", () => asked.refresh());
    this.#show();
  }

  #show(): void {
    for (const [minutes, button] of this.#windows) {
      button.setAttribute("aria-pressed", String(minutes === this.#settings.minutes));
    }
    setText(this.#units, this.#settings.units === "bits" ? strings.showBytes : strings.showBits);
  }
}

function windowButton(minutes: number, chosen: () => void): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = strings.minutes(minutes);
  button.addEventListener("click", chosen);
  return button;
}
