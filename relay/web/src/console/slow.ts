// Slow reports: what subscribers, and the desk for a caller, pinned with "It is slow now". A list, and one report with the line
// as it was. The desk answers, closes, and takes the samples away.

import { element } from "../dom.ts";
import { strings } from "../words/console.ts";
import type { Answer } from "./api.ts";
import type { SlowReport, SlowReports } from "./contract.ts";
import { type Desk, replaceKeepingFocus, type Screen } from "./desk.ts";
import { closeDialog, showDialog } from "./dialog.ts";
import { queryOf, type Route } from "./routes.ts";
import { Still } from "./still.ts";
import { isolated, visible } from "./text.ts";
import { announce, bones, button, Complaint, field, form, notice, pill, trouble } from "./widgets.ts";

const words = strings.slow;

/** The longest answer, in characters: the relay has the same. */
const LONGEST = 500;

type Slow = Extract<Route, { screen: "slow" }>;

/** The section of slow reports. */
export class SlowLines implements Screen {
  readonly root = element("div", { class: "page narrow" });
  readonly #desk: Desk;
  #route: Slow = { screen: "slow", number: null, all: false };
  #asked = 0;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  show(route: Route): void {
    if (route.screen !== "slow") return;
    this.#route = route;
    this.#desk.entitle(words.title);
    this.root.replaceChildren(this.#head(), bones(4));
    void this.#ask();
  }

  leave(): void {
    this.#asked += 1;
  }

  #head(): HTMLElement {
    const title = element("h1", { tabindex: -1 }, words.title);
    const { number, all } = this.#route;
    if (number !== null) return element("div", { class: "head" }, title, this.#desk.link({ screen: "slow", number: null, all: false }, words.toList, "button"));
    const link = (text: string, isAll: boolean): HTMLElement => {
      const made = this.#desk.link({ screen: "slow", number: null, all: isAll }, text, "button small");
      if (all === isAll) made.setAttribute("aria-current", "page");
      return made;
    };
    return element("div", { class: "head" }, title, element("p", { class: "soft" }, words.help), element("div", { class: "acts" }, link(words.open, false), link(words.all, true)));
  }

  async #ask(): Promise<void> {
    const asked = (this.#asked += 1);
    const { number } = this.#route;
    const drawn = number === null ? await this.#list(null) : await this.#one(number);
    if (asked !== this.#asked) return;
    replaceKeepingFocus(this.root, [this.#head(), ...drawn]);
    this.#shown();
  }

  /** Runs when the elements of a still line stand in the document. */
  #shown: () => void = () => undefined;

  async #list(before: number | null): Promise<Node[]> {
    this.#shown = () => undefined;
    const answer = await this.#desk.api.get<SlowReports>(`slow${queryOf({ open: this.#route.all ? "" : 1, before: before ?? "" })}`);
    if (!answer.ok) return [trouble(answer.problem, () => void this.#ask())];
    const { reports, open, more } = answer.value;
    this.#desk.countSlow(open);
    if (reports.length === 0 && before === null) return [element("p", { class: "card nothing" }, this.#route.all ? words.noneAtAll : words.none)];
    const last = reports[reports.length - 1]?.number ?? 0;
    const older = button(words.more, () => void this.#list(last).then((rows) => older.replaceWith(...rows)), "wide");
    return [element("ul", { class: "card slow", "aria-label": words.title }, ...reports.map((report) => this.#row(report))), ...(more ? [older] : [])];
  }

  #row(report: SlowReport): HTMLElement {
    const opens = this.#desk.link({ screen: "slow", number: report.number, all: false }, words.number(report.number));
    opens.dataset["key"] = `report ${report.number}`;
    return element("li", {}, element("p", { class: "slow-head" }, element("b", {}, opens), this.#line(report), stateOf(report)), ...factsOf(report));
  }

  #line({ username }: SlowReport): HTMLElement {
    const link = this.#desk.link({ screen: "lines", username, query: "" }, "");
    link.append(isolated(username));
    return link;
  }

  async #one(number: number): Promise<Node[]> {
    const answer = await this.#desk.api.get<{ report: SlowReport; snapshot: unknown }>(`slow/${number}`);
    this.#shown = () => undefined;
    if (!answer.ok) return [trouble(answer.problem, () => void this.#ask())];
    const { report, snapshot } = answer.value;
    const still = new Still();
    const told = element("div");
    this.#shown = () => {
      if (!still.show(snapshot, report.username, report.made)) still.card.replaceWith(notice(words.noPicture));
    };
    const csv = element("a", { class: "button", download: true, href: this.#desk.api.address(`slow/${number}/samples.csv`) }, words.csv);
    const closes = report.closed === null ? [button(words.close, () => void this.#change("close", {}, words.closed(number), told))] : [];
    const head = element("header", { class: "slow-head" }, element("h2", {}, words.number(number)), this.#line(report), stateOf(report), still.pill);
    const about = element("section", { class: "card" }, head, ...factsOf(report), ...(report.closed === null ? [this.#answerForm(report)] : []), told, element("div", { class: "acts" }, ...closes, csv));
    return [about, element("p", { class: "soft" }, words.then(strings.moment(report.made, Date.now()))), still.card];
  }

  #answerForm(report: SlowReport): HTMLElement {
    const answer = field(report.answer === null ? words.answer : words.answerAgain, { autocomplete: "off", maxlength: LONGEST }, words.answerHelp);
    const complaint = new Complaint();
    const submit = button(words.answerDo, () => undefined, "first");
    const send = async (): Promise<void> => {
      complaint.clear();
      const text = answer.input.value.trim();
      if (text === "") return complaint.say(words.empty);
      await this.#change("answer", { answer: text }, words.answered(report.number), complaint.box);
    };
    return form([element("div", { class: "row-fields" }, answer.box, submit), complaint.box], submit, send);
  }

  async #change(what: "answer" | "close", body: object, done: string, told: HTMLElement): Promise<void> {
    const answer: Answer<unknown> = await this.#desk.api.post(`slow/${this.#route.number}/${what}`, body);
    if (!answer.ok) return told.replaceChildren(trouble(answer.problem));
    announce(done, true);
    await this.#ask();
  }
}

/** Returns the button that pins a line for a caller. */
export function pinButton(desk: Desk, username: () => string | null): HTMLButtonElement {
  return button(words.pin, () => {
    const said = field(words.pinWords, { autocomplete: "off", maxlength: LONGEST });
    const complaint = new Complaint();
    const submit = button(words.pinDo, () => undefined, "first");
    const send = async (): Promise<void> => {
      const answer = await desk.api.post<{ number: number }>(`lines/${encodeURIComponent(username() ?? "")}/slow`, { words: said.input.value.trim() });
      if (!answer.ok) return complaint.tell(answer.problem);
      closeDialog();
      announce(words.pinned(answer.value.number), true);
    };
    showDialog(words.pinTitle, [element("p", {}, words.pinDetail), form([said.box, submit, complaint.box], submit, send)], [], strings.cancel);
    said.input.focus();
  });
}

function stateOf({ answer, closed }: SlowReport): HTMLElement {
  if (closed !== null) return pill("quiet", "ring", words.isClosed);
  return answer === null ? pill("warn", "triangle", words.isOpen) : pill("good", "disc", words.isAnswered);
}

/** Who pinned the line and when, that person's words, and the answer. */
function factsOf({ made, by, words: said, answer, answered, answered_by }: SlowReport): HTMLElement[] {
  const now = Date.now();
  const who = element("small", {}, words.made(strings.moment(made, now), by === null ? words.subscriber : visible(by)));
  const told = said === "" ? [] : [element("p", {}, "“", isolated(said), "”")];
  const reply = answer === null ? [] : [element("p", {}, element("b", {}, words.answeredBy(visible(answered_by ?? ""))), " ", isolated(answer), answered === null ? "" : element("small", {}, strings.moment(answered, now)))];
  return [who, ...told, ...reply];
}
