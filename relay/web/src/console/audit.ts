// Who watched which line, and who changed what. Filters are in the address, so that a view can be kept and passed on.

import { element, setText } from "../dom.ts";
import { strings } from "../words/console.ts";
import type { AuditEntry } from "./contract.ts";
import type { Desk, Screen } from "./desk.ts";
import { queryOf, type Route } from "./routes.ts";
import { isolated } from "./text.ts";
import { announce, bones, button, choice, field, form, trouble } from "./widgets.ts";

const words = strings.audit;

/** So many entries come at a time. */
const PAGE = 100;

interface Filters {
  who: string;
  line: string;
  what: string;
}

/** The section of the audit log. */
export class Audit implements Screen {
  readonly root: HTMLElement;
  readonly #desk: Desk;
  readonly #who = field(words.who, { autocomplete: "off" });
  readonly #line = field(words.line, { autocomplete: "off" });
  readonly #what = choice(words.what, { "": words.all, ...words.names });
  readonly #csv = element("a", { class: "button", download: true }, words.csv);
  readonly #list = element("div", {}, bones(8));
  readonly #older = element("div");
  #filters: Filters = { who: "", line: "", what: "" };
  #asked = 0;

  constructor(desk: Desk) {
    this.#desk = desk;
    const submit = button(words.find, () => undefined, "first");
    const send = async (): Promise<void> => {
      desk.go({ screen: "audit", who: this.#who.input.value.trim(), line: this.#line.input.value.trim(), what: this.#what.select.value });
    };
    const filters = form([element("div", { class: "row-fields" }, this.#who.box, this.#line.box, this.#what.box, submit, this.#csv)], submit, send);
    const head = element("div", { class: "head" }, element("h1", { tabindex: -1 }, words.title), element("p", { class: "soft" }, words.help));
    this.root = element("div", { class: "page" }, head, filters, this.#list, this.#older);
  }

  show(route: Route): void {
    if (route.screen !== "audit") return;
    const { who, line, what } = route;
    this.#filters = { who, line, what };
    this.#who.input.value = who;
    this.#line.input.value = line;
    this.#what.select.value = what;
    this.#csv.href = this.#desk.api.address(`audit.csv${queryOf({ ...this.#filters })}`);
    this.#desk.entitle(words.title);
    void this.#ask(null);
  }

  leave(): void {
    this.#asked += 1;
  }

  /** Asks for the newest entries, or for those before one. */
  async #ask(before: number | null): Promise<void> {
    const asked = (this.#asked += 1);
    const answer = await this.#desk.api.get<{ entries: AuditEntry[]; more: boolean }>(`audit${queryOf({ ...this.#filters, before: before ?? "", limit: PAGE })}`);
    if (asked !== this.#asked) return;
    if (!answer.ok) return (before === null ? this.#list : this.#older).replaceChildren(trouble(answer.problem, () => void this.#ask(before)));
    const { entries, more } = answer.value;
    const now = Date.now();
    const rows = entries.map((entry) => this.#row(entry, now));
    const body = this.#list.querySelector("tbody");
    if (before === null || body === null) this.#list.replaceChildren(entries.length === 0 ? element("p", { class: "card nothing" }, words.none) : table(rows));
    else body.append(...rows);
    if (before !== null) (rows[0]?.querySelector("th") ?? null)?.focus();
    const last = entries[entries.length - 1]?.id;
    this.#older.replaceChildren(...(more && last !== undefined ? [button(words.more, () => void this.#ask(last), "wide")] : []));
    if (entries.length === 0) announce(words.none);
  }

  #row(entry: AuditEntry, now: number): HTMLElement {
    const line = this.#lineOf(entry.line);
    const cell = (name: string, ...content: readonly (Node | string)[]): HTMLElement => element("td", { "data-is": name }, ...content);
    const role = entry.role === null ? [] : [element("small", {}, isolated(entry.role))];
    return element(
      "tr",
      {},
      element("th", { scope: "row", tabindex: -1 }, strings.moment(entry.at, now)),
      cell(words.columns.who, entry.who === null ? words.nobody : isolated(entry.who), ...role),
      cell(words.columns.what, words.names[entry.what] ?? isolated(entry.what)),
      cell(words.columns.line, ...line),
      cell(words.columns.detail, isolated(entry.detail ?? "")),
      cell(words.columns.address, isolated(entry.address ?? "")),
    );
  }

  #lineOf(username: string | null): Node[] {
    if (username === null || username === "") return [];
    const link = this.#desk.link({ screen: "lines", username, query: "" }, "");
    link.append(isolated(username));
    return [link];
  }
}

function table(rows: readonly HTMLElement[]): HTMLElement {
  const head = Object.values(words.columns).map((text) => element("th", { scope: "col" }, text));
  const caption = element("caption", { class: "spoken" });
  setText(caption, words.label);
  return element("table", { class: "card audit" }, caption, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
}
