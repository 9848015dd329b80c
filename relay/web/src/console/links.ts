// A link for the caller: copied, by WhatsApp, by mail, as a QR code with a code to read aloud. And the end of links: one, or
// all older ones.

import { element, setText } from "../dom.ts";
import { strings } from "../words/console.ts";
import type { Answer, Problem } from "./api.ts";
import type { NewCode, NewLink } from "./contract.ts";
import type { Desk } from "./desk.ts";
import { ask, showDialog } from "./dialog.ts";
import { isolated } from "./text.ts";
import { announce, button, copied, copyButton, svgPicture, trouble } from "./widgets.ts";

const words = strings.line;

/** How long a link works. */
type Kind = "support" | "personal";

/** The links of the open line. */
export class Links {
  /** The buttons that send a link. */
  readonly acts: HTMLElement;
  /** The button that ends all older links, apart from the others. */
  readonly end: HTMLElement;
  readonly #desk: Desk;
  readonly #changed: () => void;
  readonly #told = element("div", { class: "acts-told" });
  readonly #kinds: ReadonlyMap<Kind, HTMLButtonElement>;
  #kind: Kind = "support";
  #username = "";
  #name = "";

  /** `changed` runs when a link was made or ended. */
  constructor(desk: Desk, changed: () => void) {
    this.#desk = desk;
    this.#changed = changed;
    const kinds = (["support", "personal"] as const).map((kind): [Kind, HTMLButtonElement] => [kind, button(words[kind], () => this.#choose(kind), "segment")]);
    this.#kinds = new Map(kinds);
    const lasts = element("div", { class: "segments", role: "group", "aria-label": words.linkFor }, element("span", { "aria-hidden": "true" }, words.linkFor), ...this.#kinds.values());
    const row = element("div", { class: "acts" }, lasts, button(words.copyLink, () => void this.copy(), "first"), button(words.whatsapp, () => void this.#message("whatsapp")), button(words.mail, () => void this.#message("mail")), button(words.qr, () => void this.#show()));
    this.acts = element("section", { class: "link-acts", "aria-label": words.acts }, row, this.#told);
    this.end = element("div", { class: "grave-end" }, button(words.void, () => this.#askVoid(), "grave"));
    this.#choose("support");
  }

  /** Takes the line whose links these are. */
  of(username: string, name: string): void {
    if (username !== this.#username) {
      this.#choose("support");
      this.#told.replaceChildren();
    }
    this.#username = username;
    this.#name = name;
  }

  /** Makes a link and copies it; shows it where the browser does not copy. */
  async copy(): Promise<void> {
    const link = await this.#make();
    if (link === null) return;
    if (await copied(link.url)) return announce(words.copied(link.expires === null ? null : strings.moment(link.expires, Date.now())), true);
    const shown = element("p", { class: "address" }, isolated(link.url));
    showDialog(words.byHandTitle, [element("p", {}, words.byHandDetail), shown], [copyButton(strings.copy, () => link.url, shown)]);
    getSelection()?.selectAllChildren(shown);
  }

  /** Asks, and revokes one link. */
  revoke(id: string): void {
    const username = this.#username;
    ask({ title: words.revokeTitle, detail: words.revokeDetail, does: words.revokeDo, keeps: words.keep }, () => {
      void this.#change(`${pathOf(username)}/links/${encodeURIComponent(id)}/revoke`, words.revokeDone);
    });
  }

  #askVoid(): void {
    const username = this.#username;
    ask({ title: words.voidTitle, detail: words.voidDetail, does: words.voidDo, keeps: words.keepAll }, () => {
      void this.#change(`${pathOf(username)}/void`, words.voidDone);
    });
  }

  async #change(path: string, done: string): Promise<void> {
    const answer = await this.#desk.api.post(path);
    if (!answer.ok) return this.#failed(answer.problem);
    this.#told.replaceChildren();
    announce(done, true);
    this.#changed();
  }

  #choose(kind: Kind): void {
    this.#kind = kind;
    for (const [name, made] of this.#kinds) made.setAttribute("aria-pressed", String(name === kind));
  }

  /** Makes a link of the chosen kind; null where that failed, which is said. */
  async #make(): Promise<NewLink | null> {
    const answer = await this.#desk.api.post<NewLink>(`${pathOf(this.#username)}/links`, { kind: this.#kind });
    if (!answer.ok) {
      this.#failed(answer.problem);
      return null;
    }
    this.#told.replaceChildren();
    this.#changed();
    return answer.value;
  }

  #failed(problem: Problem): void {
    this.#told.replaceChildren(trouble(problem));
  }

  /** Shows the text, and a link that opens the program with the text in it. */
  async #message(way: "whatsapp" | "mail"): Promise<void> {
    const link = await this.#make();
    if (link === null) return;
    const told = way === "whatsapp" ? { title: words.whatsappTitle, detail: words.whatsappDetail, does: words.whatsappDo } : { title: words.mailTitle, detail: words.mailDetail, does: words.mailDo };
    const text = element("p", { class: "address", tabindex: 0, role: "group", "aria-label": words.text });
    text.append(...link.text.split("\n").flatMap((line, i) => (i === 0 ? [isolated(line)] : [element("br"), isolated(line)])));
    const opens = element("a", { class: "button first", href: checked(way === "whatsapp" ? link.whatsapp : link.mail), target: "_blank", rel: "noopener noreferrer" }, told.does);
    const dialog = showDialog(told.title, [element("p", {}, told.detail), text], [opens]);
    opens.addEventListener("click", () => setTimeout(() => dialog.close()));
    opens.focus();
  }

  /** Shows the link as a QR code, and a code to read aloud. */
  async #show(): Promise<void> {
    const [link, code] = await Promise.all([this.#make(), this.#desk.api.post<NewCode>(`${pathOf(this.#username)}/code`)]);
    if (link === null) return;
    const host = `${this.#desk.base.host}${this.#desk.base.pathname.replace(/\/$/, "")}`;
    const read = codePart(code, host);
    showDialog(words.qrTitle, [element("p", {}, words.qrDetail(this.#name, words[this.#kind])), svgPicture(link.qr_svg, words.qrAlt), ...read.parts], [], strings.close, read.end);
  }
}

/** The code of eight digits with the time that is left, and what ends its clock. */
function codePart(code: Answer<NewCode>, host: string): { parts: HTMLElement[]; end: () => void } {
  if (!code.ok) return { parts: [trouble(code.problem)], end: () => undefined };
  const { code: digits, expires } = code.value;
  const left = element("p", { class: "soft centred" });
  const tick = (): void => {
    const seconds = Math.ceil((expires - Date.now()) / 1_000);
    setText(left, seconds > 0 ? words.codeLeft(strings.countdown(seconds)) : words.codeOver);
  };
  tick();
  const timer = setInterval(tick, 1_000);
  const shown = element("p", { class: "code" }, digits.replace(/^(\d{4})(\d{4})$/, "$1 $2"));
  return { parts: [element("p", { class: "centred" }, words.codeBy(host)), shown, left], end: () => clearInterval(timer) };
}

/** An address of the relay that opens WhatsApp or mail; any other scheme opens nothing. */
function checked(address: string): string {
  return /^(https:\/\/|mailto:)/.test(address) ? address : "#";
}

function pathOf(username: string): string {
  return `lines/${encodeURIComponent(username)}`;
}
