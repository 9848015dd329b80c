// Everything before the console itself: sign-in by password, code, recovery code, company account, invitation, or an address
// that works once. Each is a card; what is wrong is said in the card.

import { element, setText } from "../dom.ts";
import { strings } from "../words/console.ts";
import type { Api, Problem } from "./api.ts";
import type { Role, Step } from "./contract.ts";
import { enrolment } from "./factor.ts";
import { button, Complaint, field, form, notice, password } from "./widgets.ts";

const words = strings.signIn;

/** Reasons that say nothing of the address itself: it may work in a moment. */
const PASSING = ["offline", "store", "wait"];

/** The screens before the console. */
export class SignIn {
  readonly root = element("main", { class: "door", id: "content" });
  readonly #api: Api;
  readonly #brand: string;
  readonly #done: () => void;
  #hasCompany = false;
  #timer = 0;

  /** `done` runs when somebody is signed in. */
  constructor(api: Api, brand: string, done: () => void) {
    this.#api = api;
    this.#brand = brand;
    this.#done = done;
  }

  /** Asks for name and password. `lead` is said first. */
  ask(hasCompany: boolean, lead: HTMLElement | null = null): void {
    this.#hasCompany = hasCompany;
    const name = field(words.name, { name: "username", autocomplete: "username", required: true });
    const secret = password(words.password, { name: "password", autocomplete: "current-password", required: true });
    const complaint = new Complaint();
    const submit = button(words.submit, () => undefined, "first wide");
    const send = async (): Promise<void> => {
      if (name.input.value.trim() === "") return name.input.focus();
      if (secret.input.value === "") return secret.input.focus();
      complaint.clear();
      setText(submit, words.working);
      const answer = await this.#api.post<Step>("sign-in", { name: name.input.value.trim(), password: secret.input.value });
      setText(submit, words.submit);
      if (answer.ok) return this.#step(answer.value);
      this.#refused(answer.problem, complaint, submit, [words.wrong, words.wrongDetail]);
      secret.input.value = "";
      secret.input.focus();
    };
    const content = form([name.box, secret.box, complaint.box, submit], submit, send);
    this.#card(words.title, words.for(this.#brand), [...(lead === null ? [] : [lead]), content, ...this.#company()], words.ownLine);
    name.input.focus();
  }

  /** Signs in by the token of an address that works once. */
  async once(token: string, hasCompany: boolean): Promise<void> {
    this.#card(words.title, words.working, []);
    const answer = await this.#api.post<Step>("sign-in/once", { token });
    if (answer.ok) return this.#step(answer.value);
    const isOver = !PASSING.includes(answer.problem.reason);
    this.ask(hasCompany, isOver ? notice(words.onceTitle, words.onceDetail) : notice(answer.problem.sentence));
  }

  /** Lets a new person choose a password. */
  async invitation(token: string): Promise<void> {
    const told = strings.invitation;
    if (token === "") return this.#card(told.none, "", [notice(told.none, told.noneDetail)]);
    this.#card(words.title, strings.loading, []);
    const look = await this.#api.post<{ name: string; role: Role }>("invitation/look", { token });
    if (!look.ok) {
      const isGone = !PASSING.includes(look.problem.reason);
      return this.#card(words.title, "", [isGone ? notice(told.gone, told.goneDetail) : notice(look.problem.sentence)]);
    }
    const { name, role } = look.value;
    const username = field(words.name, { name: "username", autocomplete: "username", value: name, readonly: true });
    const secret = password(told.password, { name: "password", autocomplete: "new-password", required: true, minlength: 10 }, told.help);
    const complaint = new Complaint();
    const submit = button(told.submit, () => undefined, "first wide");
    const send = async (): Promise<void> => {
      complaint.clear();
      const answer = await this.#api.post<Step>("invitation", { token, password: secret.input.value });
      if (answer.ok) return this.#step(answer.value);
      complaint.tell(answer.problem);
      secret.input.focus();
    };
    this.#card(told.title(name), told.role[role], [form([username.box, secret.box, complaint.box, submit], submit, send)]);
    secret.input.focus();
  }

  #step({ step }: Step): void | Promise<void> {
    if (step === "code") return this.#code(false);
    if (step === "enrol") return this.enrol();
    this.#done();
  }

  /** Asks for the second factor: the app's code, or a recovery code. */
  #code(isRecovery: boolean): void {
    const numeric = isRecovery ? {} : { inputmode: "numeric", autocomplete: "one-time-code" };
    const code = field(isRecovery ? words.recovery : words.code, { name: "code", autocomplete: "off", ...numeric });
    code.input.classList.add("code-input");
    const complaint = new Complaint();
    const submit = button(words.codeSubmit, () => undefined, "first wide");
    const send = async (): Promise<void> => {
      if (code.input.value.trim() === "") return code.input.focus();
      complaint.clear();
      const answer = await this.#api.post<Step>("sign-in/code", { code: code.input.value.replace(/\s/g, "") });
      if (answer.ok) return this.#step(answer.value);
      if (answer.problem.reason === "signed-out") return this.ask(this.#hasCompany, notice(strings.problem.reasons["signed-out"]));
      this.#refused(answer.problem, complaint, submit, [words.codeWrong, isRecovery ? "" : words.codeWrongDetail]);
      code.input.select();
    };
    const other = button(isRecovery ? words.useApp : words.useRecovery, () => this.#code(!isRecovery), "wide");
    const back = button(words.startAgain, () => this.ask(this.#hasCompany), "quiet wide");
    this.#card(words.codeTitle, isRecovery ? words.recoveryHelp : words.codeHelp, [form([code.box, complaint.box, submit], submit, send), other, back]);
    code.input.focus();
  }

  /** Sets up the second factor that everybody needs. */
  async enrol(): Promise<void> {
    this.#card(words.enrolTitle, words.enrolWhy, [await enrolment(this.#api, () => this.#done())]);
  }

  #company(): Node[] {
    if (!this.#hasCompany) return [];
    const complaint = new Complaint();
    // The proxy before the relay has asked who it is, and names the person in a header.
    const send = async (): Promise<void> => {
      complaint.clear();
      const answer = await this.#api.post<Step>("sign-in/company");
      if (answer.ok) return this.#step(answer.value);
      if (answer.problem.reason === "signed-out") complaint.say(words.companyRefused);
      else complaint.tell(answer.problem);
    };
    return [element("p", { class: "or" }, words.or), button(words.company, () => void send(), "wide"), complaint.box];
  }

  /** Says why, and counts down where waiting helps. The company's way stays open meanwhile. */
  #refused(problem: Problem, complaint: Complaint, submit: HTMLButtonElement, wrong: readonly [string, string]): void {
    clearInterval(this.#timer);
    if (problem.reason === "wrong") return complaint.say(...wrong);
    if (problem.reason !== "wait" || problem.retryAfter === null) return complaint.tell(problem);
    const end = Date.now() + problem.retryAfter * 1_000;
    complaint.say(words.wait(problem.retryAfter));
    const text = complaint.box.querySelector("b");
    submit.disabled = true;
    // The clock is not read out each second: only the first sentence is.
    complaint.box.setAttribute("aria-live", "off");
    this.#timer = window.setInterval(() => {
      const left = Math.ceil((end - Date.now()) / 1_000);
      if (text !== null) setText(text, words.wait(Math.max(0, left)));
      if (left > 0) return;
      clearInterval(this.#timer);
      submit.disabled = false;
      complaint.box.removeAttribute("aria-live");
      complaint.clear();
    }, 1_000);
  }

  #card(title: string, lead: string, content: readonly Node[], below = ""): void {
    clearInterval(this.#timer);
    const heading = element("h1", { tabindex: -1 }, title);
    const card = element("section", { class: "card" }, heading, ...(lead === "" ? [] : [element("p", { class: "soft" }, lead)]), ...content);
    const brand = element("p", { class: "brand" }, element("bdi", {}, this.#brand));
    this.root.replaceChildren(brand, card, ...(below === "" ? [] : [element("p", { class: "below" }, below)]));
    heading.focus();
    document.title = `${title} · ${this.#brand}`;
  }
}
