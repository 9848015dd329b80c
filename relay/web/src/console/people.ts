// The people who may sign in: their roles, invitations, and the end of their rights. For admins.

import { element } from "../dom.ts";
import { strings } from "../words/console.ts";
import type { Answer } from "./api.ts";
import type { Invitation, Person, Role } from "./contract.ts";
import { type Desk, replaceKeepingFocus, type Screen } from "./desk.ts";
import { ask, showDialog } from "./dialog.ts";
import { isolated, visible } from "./text.ts";
import { announce, bones, button, choice, Complaint, copyButton, field, form, trouble } from "./widgets.ts";

const words = strings.people;

/** The section of people. */
export class People implements Screen {
  readonly root: HTMLElement;
  readonly #desk: Desk;
  readonly #list = element("div", {}, bones(3));
  readonly #told = element("div");

  constructor(desk: Desk) {
    this.#desk = desk;
    const title = element("h1", { tabindex: -1 }, words.title);
    this.root = element("div", { class: "page narrow" }, element("div", { class: "head" }, title), this.#told, this.#list, this.#add());
  }

  show(): void {
    this.#desk.entitle(words.title);
    void this.#ask();
  }

  leave(): void {}

  async #ask(): Promise<void> {
    const answer = await this.#desk.api.get<{ people: Person[] }>("people");
    if (!answer.ok) return this.#list.replaceChildren(trouble(answer.problem, () => void this.#ask()));
    const now = Date.now();
    const rows = answer.value.people.map((person) => this.#row(person, now));
    replaceKeepingFocus(this.#list, [element("ul", { class: "card people", "aria-label": words.label }, ...rows)]);
  }

  #add(): HTMLElement {
    const name = field(words.name, { autocomplete: "off", required: true, maxlength: 64 });
    const role = choice(words.role, words.roles, "support");
    const complaint = new Complaint();
    const submit = button(words.addDo, () => undefined, "first");
    const send = async (): Promise<void> => {
      complaint.clear();
      const called = name.input.value.trim();
      if (called === "") return name.input.focus();
      const answer = await this.#desk.api.post<Invitation>("people", { name: called, role: role.select.value });
      if (!answer.ok) return complaint.tell(answer.problem);
      name.input.value = "";
      this.#invite(called, answer.value);
      await this.#ask();
    };
    const title = element("h2", {}, words.add);
    const fields = element("div", { class: "row-fields" }, name.box, role.box, submit);
    return element("section", { class: "card" }, title, element("p", { class: "soft" }, words.rolesHelp), form([fields, complaint.box], submit, send));
  }

  #invite(name: string, { url, expires }: Invitation): void {
    const shown = element("p", { class: "address" }, isolated(url));
    showDialog(words.inviteTitle(visible(name)), [element("p", {}, words.inviteDetail(strings.moment(expires, Date.now()))), shown], [copyButton(strings.copy, () => url, shown)]);
  }

  #row(person: Person, now: number): HTMLElement {
    const isMe = person.name === this.#desk.me.name;
    const name = visible(person.name);
    const facts = [
      words.since(strings.moment(person.made, now)),
      person.last_seen !== null ? words.seen(strings.moment(person.last_seen, now)) : person.invited_until !== null ? words.invited(strings.moment(person.invited_until, now)) : words.never,
      person.by === "company" ? words.company : person.totp ? words.totp : words.noTotp,
    ];
    const role = choice(words.roleOf(name), words.roles, person.role, true);
    role.select.dataset["key"] = `role ${person.name}`;
    role.select.disabled = isMe;
    role.select.addEventListener("change", () => void this.#role(person.name, role.select.value as Role));
    const act = (text: string, key: string, pressed: () => void, look = "small"): HTMLElement => button(text, pressed, look, { "data-key": `${key} ${person.name}`, "aria-label": `${text}: ${name}` });
    const acts = isMe ? [] : [
      ...(person.by === "company" ? [] : [act(words.newPassword, "invite", () => this.#newPassword(person.name))]),
      ...(person.totp ? [act(words.totpOff, "totp", () => this.#totpOff(person.name))] : []),
      act(words.signOut, "out", () => this.#signOut(person.name)),
      act(words.remove, "remove", () => this.#remove(person.name), "small grave"),
    ];
    const who = element("div", {}, element("b", {}, isolated(person.name)), isMe ? ` (${words.you})` : "", element("small", {}, facts.join("; ")));
    return element("li", {}, who, role.box, element("div", { class: "acts" }, ...acts));
  }

  async #role(name: string, role: Role): Promise<void> {
    const answer = await this.#desk.api.post(`${pathOf(name)}/role`, { role });
    this.#after(answer, words.roleDone(visible(name), words.roles[role]));
  }

  #newPassword(name: string): void {
    ask({ title: words.newPasswordTitle(visible(name)), detail: words.newPasswordDetail, does: words.newPasswordDo, keeps: strings.cancel }, async () => {
      const answer = await this.#desk.api.post<Invitation>(`${pathOf(name)}/invite`);
      this.#after(answer, "");
      if (answer.ok) this.#invite(name, answer.value);
    });
  }

  #totpOff(name: string): void {
    ask({ title: words.totpOffTitle(visible(name)), detail: words.totpOffDetail, does: words.totpOffDo, keeps: strings.cancel }, async () => {
      this.#after(await this.#desk.api.post(`${pathOf(name)}/totp/remove`), words.totpOffDone(visible(name)));
    });
  }

  #signOut(name: string): void {
    ask({ title: words.signOutTitle(visible(name)), detail: words.signOutDetail, does: words.signOutDo, keeps: strings.cancel }, async () => {
      this.#after(await this.#desk.api.post(`${pathOf(name)}/sign-out`), words.signOutDone(visible(name)));
    });
  }

  #remove(name: string): void {
    ask({ title: words.removeTitle(visible(name)), detail: words.removeDetail, does: words.removeDo, keeps: words.keep }, async () => {
      this.#after(await this.#desk.api.post(`${pathOf(name)}/remove`), words.removeDone(visible(name)));
    });
  }

  #after(answer: Answer<unknown>, done: string): void {
    this.#told.replaceChildren(...(answer.ok ? [] : [trouble(answer.problem)]));
    if (answer.ok && done !== "") announce(done, true);
    void this.#ask();
  }
}

function pathOf(name: string): string {
  return `people/${encodeURIComponent(name)}`;
}
