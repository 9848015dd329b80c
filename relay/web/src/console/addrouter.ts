// Adding a router, on one sheet: its name and lines, the script to paste, and the steps that turn green when it is heard.

import { element, svg } from "../dom.ts";
import { strings } from "../words/console.ts";
import type { RouterFacts, RouterSteps } from "./contract.ts";
import { type Desk, repeatedly } from "./desk.ts";
import { visible } from "./text.ts";
import { announce, button, choice, Complaint, copyButton, field, form, notice } from "./widgets.ts";

const words = strings.routers;

/** A new router is asked for each so many milliseconds. */
const LOOK_EVERY = 2_000;

const ORDER: readonly (keyof RouterSteps)[] = ["paste", "heard", "router", "sessions"];

/** The sheet. It keeps what was typed while it is closed, and forgets the script. */
export class AddRouter {
  readonly root = element("section", { class: "card sheet", "aria-labelledby": "add-title", hidden: true });
  readonly #desk: Desk;
  readonly #added: () => void;
  #end: () => void = () => undefined;

  /** `added` runs when a router was added or has come further. */
  constructor(desk: Desk, added: () => void) {
    this.#desk = desk;
    this.#added = added;
  }

  open(): void {
    if (!this.root.hidden) return;
    const close = button(words.close, () => this.#desk.go({ screen: "routers", add: false }));
    const title = element("h2", { id: "add-title", tabindex: -1 }, words.add);
    const script = element("div", {}, element("p", { class: "soft" }, words.step2Before));
    const steps = element("div", { role: "status" }, stepsList(null));
    this.root.replaceChildren(
      element("header", {}, title, close),
      element("div", {}, step(1, words.step1), this.#form(script, steps), before()),
      element("div", {}, step(2, words.step2), script, step(3, words.step3), steps),
    );
    this.root.hidden = false;
    this.root.querySelector("input")?.focus();
  }

  /** Closes; false if it was closed. */
  close(): boolean {
    const wasOpen = !this.root.hidden;
    this.#end();
    this.root.hidden = true;
    this.root.replaceChildren();
    return wasOpen;
  }

  #form(script: HTMLElement, steps: HTMLElement): HTMLFormElement {
    const name = field(words.name, { autocomplete: "off", maxlength: 63, required: true }, words.nameHelp);
    const patterns = field(words.patterns, { autocomplete: "off", value: "*", required: true }, words.patternsHelp);
    const relay = field(words.relay, { autocomplete: "off", value: addressOf(this.#desk.base), required: true }, words.relayHelp);
    const architecture = choice(words.architecture, words.architectures);
    const storage = choice(words.storage, words.storages);
    const disk = field(words.disk, { autocomplete: "off" });
    disk.box.hidden = true;
    storage.select.addEventListener("change", () => (disk.box.hidden = storage.select.value !== "disk"));
    const complaint = new Complaint();
    const submit = button(words.make, () => undefined, "first");
    const send = async (): Promise<void> => {
      complaint.clear();
      const called = name.input.value.trim();
      if (called === "") return name.input.focus();
      const options = { relay_urls: patternsOf(relay.input.value), ...optionsOf(architecture.select.value, storage.select.value, disk.input.value.trim()) };
      const answer = await this.#desk.api.post<{ script: string }>("routers", { name: called, patterns: patternsOf(patterns.input.value), options });
      if (!answer.ok) return complaint.tell(answer.problem);
      for (const input of made.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input, select")) input.disabled = true;
      submit.hidden = true;
      const shown = scriptBox(answer.value.script);
      script.replaceChildren(shown);
      shown.querySelector("button")?.focus();
      this.#added();
      this.#watch(called, steps);
    };
    const made = form([name.box, patterns.box, relay.box, architecture.box, storage.box, disk.box, complaint.box, submit], submit, send);
    return made;
  }

  /** Asks how far the new router is, until its sessions are seen. */
  #watch(name: string, steps: HTMLElement): void {
    let last = "";
    this.#end();
    this.#end = repeatedly(LOOK_EVERY, async () => {
      const answer = await this.#desk.api.get<{ router: RouterFacts; steps: RouterSteps }>(`routers/${encodeURIComponent(name)}`);
      if (!answer.ok) return;
      const { router, steps: done } = answer.value;
      const now = JSON.stringify([done, router.fault]);
      if (now === last) return;
      last = now;
      const isReady = ORDER.every((key) => done[key]);
      const told = router.fault !== null ? [notice(visible(router.fault.what), visible(router.fault.remedy ?? ""))] : isReady ? [notice(words.ready(visible(name)), words.readyDetail(router.sessions ?? 0), "good")] : [element("p", { class: "soft" }, words.waitHelp)];
      steps.replaceChildren(stepsList(done), ...told);
      if (isReady) announce(words.ready(name));
      this.#added();
      if (isReady) this.#end();
    });
  }
}

/** Where agents reach this relay: at the console's address, unless the provider has another one for them. */
function addressOf(base: URL): string {
  return `wss://${base.host}${base.pathname.replace(/\/$/, "")}`;
}

/** Reads patterns that are typed with spaces or commas. */
export function patternsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((pattern) => pattern !== "");
}

function optionsOf(architecture: string, storage: string, disk: string): Readonly<Record<string, string>> {
  return {
    ...(architecture === "" ? {} : { architecture }),
    ...(storage === "auto" ? {} : { storage }),
    ...(storage === "disk" ? { disk } : {}),
  };
}

function step(number: number, text: string): HTMLElement {
  return element("h3", {}, element("i", { "aria-hidden": "true" }, String(number)), text);
}

function before(): HTMLElement {
  return element("div", { class: "before" }, element("b", {}, words.before), element("ul", {}, ...words.beforeList.map((text) => element("li", {}, text))));
}

/** The script with its button. It holds a secret, and is shown this once. */
export function scriptBox(script: string): HTMLElement {
  const text = element("pre", { tabindex: 0, role: "group", "aria-label": words.script }, script);
  return element("div", { class: "script" }, text, element("div", { class: "script-foot" }, element("span", {}, words.secret), copyButton(words.copyScript, () => script, text)));
}

function stepsList(done: RouterSteps | null): HTMLElement {
  const current = done === null ? null : ORDER.find((key) => !done[key]);
  const rows = ORDER.map((key) => {
    const state = done?.[key] ? "done" : key === current ? "now" : "later";
    const word = { done: words.stepDone, now: words.stepNow, later: words.stepLater }[state];
    return element("li", { "data-step": state }, lamp(state), element("span", {}, words.steps[key], " ", element("small", {}, word)));
  });
  return element("ol", { class: "steps" }, ...rows);
}

/** A step's lamp: its shape says it before its colour. */
function lamp(state: "done" | "now" | "later"): SVGSVGElement {
  const drawn = svg("svg", { class: "lamp", viewBox: "0 0 24 24", width: 24, height: 24, fill: "none", stroke: "currentColor", "stroke-width": 2.2, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" });
  if (state === "done") drawn.append(svg("circle", { cx: 12, cy: 12, r: 10, fill: "currentColor" }), svg("path", { class: "tick", d: "m7.5 12.5 3 3 6-6.5" }));
  else if (state === "now") drawn.append(svg("circle", { cx: 12, cy: 12, r: 9, "stroke-opacity": 0.3 }), svg("path", { class: "turn", d: "M12 3a9 9 0 0 1 9 9" }));
  else drawn.append(svg("circle", { cx: 12, cy: 12, r: 9, "stroke-dasharray": "2 4" }));
  return drawn;
}
