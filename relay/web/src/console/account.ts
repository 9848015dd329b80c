// One's own account: password, second factor, signing out.

import { element } from "../dom.ts";
import { strings } from "../words/console.ts";
import type { Desk, Screen } from "./desk.ts";
import { enrolment } from "./factor.ts";
import { isolated } from "./text.ts";
import { announce, button, Complaint, form, password, trouble } from "./widgets.ts";

const words = strings.own;

/** The section of one's own account. */
export class Account implements Screen {
  readonly root: HTMLElement;
  readonly #desk: Desk;
  readonly #factor = element("section", { class: "card" });
  readonly #told = element("div");
  #hasFactor: boolean;

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#hasFactor = desk.me.totp;
    const who = element("p", { class: "soft" }, isolated(desk.me.name), `, ${strings.people.roles[desk.me.role] ?? ""}`);
    const head = element("div", { class: "head" }, element("h1", { tabindex: -1 }, words.title), who);
    this.root = element("div", { class: "page narrow" }, head, this.#told, this.#password(), ...(desk.me.by === "company" ? [] : [this.#factor]), this.#out());
    this.#showFactor();
  }

  show(): void {
    this.#desk.entitle(words.title);
  }

  leave(): void {}

  #password(): HTMLElement {
    const title = element("h2", {}, words.passwordTitle);
    if (this.#desk.me.by === "company") return element("section", { class: "card" }, title, element("p", {}, words.companyHelp));
    const old = password(words.old, { autocomplete: "current-password", required: true });
    const fresh = password(words.new, { autocomplete: "new-password", required: true, minlength: 10 }, words.newHelp);
    const complaint = new Complaint();
    const submit = button(words.change, () => undefined, "first");
    const send = async (): Promise<void> => {
      complaint.clear();
      if (old.input.value === "") return old.input.focus();
      if (fresh.input.value === "") return fresh.input.focus();
      const answer = await this.#desk.api.post("password", { old: old.input.value, new: fresh.input.value });
      if (!answer.ok) return answer.problem.reason === "wrong" ? complaint.say(words.wrongOld) : complaint.tell(answer.problem);
      old.input.value = fresh.input.value = "";
      announce(words.changed, true);
    };
    // A password manager wants to know whose password changes.
    const name = element("input", { type: "text", autocomplete: "username", value: this.#desk.me.name, hidden: true, readonly: true });
    return element("section", { class: "card" }, title, form([name, old.box, fresh.box, complaint.box, submit], submit, send));
  }

  #showFactor(): void {
    const isNeeded = this.#desk.me.totp_required;
    const content: Node[] = [element("p", {}, this.#hasFactor ? words.factorOn : words.factorOff)];
    if (!this.#hasFactor) content.push(button(words.factorAdd, () => void this.#enrol(), "first"));
    else if (isNeeded) content.push(element("p", { class: "soft" }, words.factorNeeded));
    else content.push(button(words.factorRemove, () => this.#askRemove()));
    this.#factor.replaceChildren(element("h2", { tabindex: -1 }, words.factorTitle), ...content);
  }

  async #enrol(): Promise<void> {
    const done = (): void => {
      this.#hasFactor = true;
      this.#showFactor();
      announce(words.factorDone, true);
      this.#factor.querySelector("h2")?.focus();
    };
    this.#factor.replaceChildren(element("h2", {}, words.factorTitle), await enrolment(this.#desk.api, done));
    this.#factor.querySelector("input")?.focus();
  }

  #askRemove(): void {
    const secret = password(words.old, { autocomplete: "current-password", required: true }, words.factorRemoveDetail);
    const complaint = new Complaint();
    const submit = button(words.factorRemove, () => undefined, "danger");
    const send = async (): Promise<void> => {
      complaint.clear();
      const answer = await this.#desk.api.post("totp/remove", { password: secret.input.value });
      if (!answer.ok) return answer.problem.reason === "wrong" ? complaint.say(words.wrongOld) : complaint.tell(answer.problem);
      this.#hasFactor = false;
      this.#showFactor();
      announce(words.factorGone, true);
    };
    const back = button(strings.cancel, () => this.#showFactor());
    this.#factor.replaceChildren(element("h2", {}, words.factorTitle), form([secret.box, complaint.box, element("div", { class: "acts" }, submit, back)], submit, send));
    secret.input.focus();
  }

  #out(): HTMLElement {
    const acts = element("div", { class: "acts" }, button(words.outHere, () => void this.#signOut(false), "first"), button(words.outEverywhere, () => void this.#signOut(true)));
    return element("section", { class: "card" }, element("h2", {}, words.outTitle), element("p", { class: "soft" }, words.outHelp), acts);
  }

  async #signOut(everywhere: boolean): Promise<void> {
    const answer = await this.#desk.api.post("sign-out", { everywhere });
    if (!answer.ok) return this.#told.replaceChildren(trouble(answer.problem));
    location.replace(this.#desk.href({ screen: "sign-in" }));
  }
}
