// The console's small parts: buttons, fields, pills, sentences for a problem, copying. Each is a function from values to
// elements; other people's texts are isolated.

import { type Attributes, element, part, setText, svg } from "../dom.ts";
import { SHAPES } from "../line/page.ts";
import type { Shape, Tone } from "../line/sentences.ts";
import { strings } from "../words/console.ts";
import type { Problem } from "./api.ts";

/** A button says for so long that its text was copied, in milliseconds. */
const SAID_FOR = 2_500;

/** Returns a button. `look` is `first` for the main one of its place, `grave` for one that ends something. */
export function button(text: string, pressed: () => void, look = "", more: Attributes = {}): HTMLButtonElement {
  const made = element("button", { type: "button", class: `button ${look}`.trim(), ...more }, text);
  made.addEventListener("click", pressed);
  return made;
}

/** Returns a labelled input, and the input itself. */
export function field(label: string, attributes: Attributes, help = ""): { box: HTMLElement; input: HTMLInputElement } {
  const id = `field-${(fields += 1)}`;
  const described = help === "" ? {} : { "aria-describedby": `${id}-help` };
  const input = element("input", { id, type: "text", spellcheck: "false", autocapitalize: "none", ...described, ...attributes });
  const hint = help === "" ? [] : [element("small", { id: `${id}-help` }, help)];
  return { box: element("div", { class: "field" }, element("label", { for: id }, label), ...hint, input), input };
}

/** Returns a labelled choice, and the choice itself. */
export function choice(label: string, options: Readonly<Record<string, string>>, chosen = "", hidden = false): { box: HTMLElement; select: HTMLSelectElement } {
  const id = `field-${(fields += 1)}`;
  const made = Object.entries(options).map(([value, text]) => element("option", { value, selected: value === chosen }, text));
  const select = element("select", { id }, ...made);
  const box = element("div", { class: "field" }, element("label", { for: id, class: hidden ? "spoken" : null }, label), select);
  return { box, select };
}

let fields = 0;

/** Returns a password field whose text can be shown. */
export function password(label: string, attributes: Attributes, help = ""): { box: HTMLElement; input: HTMLInputElement } {
  const { box, input } = field(label, { type: "password", ...attributes }, help);
  const show = button(strings.signIn.show, () => {
    const hides = input.type === "text";
    input.type = hides ? "password" : "text";
    setText(show, hides ? strings.signIn.show : strings.signIn.hide);
    show.setAttribute("aria-pressed", String(!hides));
  }, "inside", { "aria-label": strings.signIn.shown, "aria-pressed": "false" });
  const wrap = element("div", { class: "wrap" });
  input.replaceWith(wrap);
  wrap.append(input, show);
  return { box, input };
}

/** A state as a word and a shape, then a colour. */
export function pill(tone: Tone, shape: Shape, text: string): HTMLElement {
  const drawn = svg("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" }, svg("path", { d: SHAPES[shape], fill: "currentColor", "fill-rule": "evenodd" }));
  return element("span", { class: "pill", "data-tone": tone }, drawn, element("span", {}, text));
}

/** A message with a sign: what happened, and what to do. */
export function notice(title: string, detail = "", tone: Tone = "warn"): HTMLElement {
  const sign = svg("svg", { class: "notice-sign", viewBox: "0 0 24 24", width: 24, height: 24, fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" });
  sign.append(svg("path", { d: tone === "good" ? "m5 12.5 4.5 4.5L19 7" : "M12 3.5 21.5 20h-19zM12 10v4.5M12 17.3v.1" }));
  const text = element("p", {}, element("b", {}, title), detail === "" ? "" : ` ${detail}`);
  return element("div", { class: "notice", "data-tone": tone }, sign, text);
}

/** The sentence for a failed request, with a button to try again. */
export function trouble(problem: Problem, again: (() => void) | null = null): HTMLElement {
  const box = notice(problem.sentence);
  box.setAttribute("role", "alert");
  if (again !== null) box.append(button(strings.again, again));
  return box;
}

/** A place where a form says what went wrong. A screen reader hears it. */
export class Complaint {
  readonly box = element("div", { class: "complaint", role: "alert" });

  /** Says nothing. */
  clear(): void {
    this.box.replaceChildren();
  }

  say(title: string, detail = ""): void {
    this.box.replaceChildren(notice(title, detail));
  }

  /** Says a problem; one that passes by itself says how long still. */
  tell(problem: Problem): void {
    const waits = problem.reason === "wait" && problem.retryAfter !== null;
    this.say(waits ? strings.problem.waits(problem.retryAfter ?? 0) : problem.sentence);
  }
}

/** Copies a text. False where the browser has no clipboard (outside of HTTPS), or refuses. */
export async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Returns a button that copies a text, or chooses it in its field where the browser refuses. */
export function copyButton(label: string, text: () => string, shown: HTMLElement, look = "first"): HTMLButtonElement {
  const made = button(label, async () => {
    const done = await copied(text());
    if (!done) getSelection()?.selectAllChildren(shown);
    setText(made, done ? strings.copied : strings.copyByHand);
    announce(done ? strings.copied : strings.copyByHand);
    setTimeout(() => setText(made, label), SAID_FOR);
  }, look);
  return made;
}

/** Tells a screen reader, and with `toast` everybody, that something was done. */
export function announce(text: string, toast = false): void {
  const spoken = part(document, "#announced");
  setText(spoken, "");
  requestAnimationFrame(() => setText(spoken, text));
  if (!toast) return;
  document.querySelector(".toast")?.remove();
  const shown = element("p", { class: "toast", "aria-hidden": "true" }, text);
  // An open dialog covers everything that is not in it.
  (document.querySelector("dialog[open]") ?? document.body).append(shown);
  setTimeout(() => shown.remove(), 2 * SAID_FOR);
}

/** Returns a picture of an SVG's source. As a picture, the source can run and load nothing. */
export function svgPicture(source: string, alternative: string): HTMLImageElement {
  return element("img", { class: "qr", alt: alternative, src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(source)}` });
}

/** A form that sends itself by `submit`; its button is off meanwhile. */
export function form(children: readonly Node[], submit: HTMLButtonElement, send: () => Promise<void>): HTMLFormElement {
  const made = element("form", { novalidate: true }, ...children);
  submit.type = "submit";
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    if (submit.getAttribute("aria-disabled") === "true") return;
    // A disabled button would lose the focus.
    submit.setAttribute("aria-disabled", "true");
    void send().finally(() => submit.removeAttribute("aria-disabled"));
  });
  return made;
}

/** Grey bars in the place of rows that are on their way. */
export function bones(rows: number): HTMLElement {
  const bars = Array.from({ length: rows }, () => element("i", { class: "bone" }));
  return element("div", { class: "bones", role: "status" }, element("span", { class: "spoken" }, strings.loading), ...bars);
}
