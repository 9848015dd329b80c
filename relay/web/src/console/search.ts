// The search: one box, and the lines that it finds while one types. Arrows choose, Enter opens; the newest answer wins.

import { element, setText } from "../dom.ts";
import { strings } from "../words/console.ts";
import type { Problem } from "./api.ts";
import type { Found, Row } from "./contract.ts";
import { type Desk, repeatedly } from "./desk.ts";
import { queryOf } from "./routes.ts";
import { rowContent } from "./rows.ts";
import { visible } from "./text.ts";
import { announce, bones, button, trouble } from "./widgets.ts";

const words = strings.search;

/** The relay is asked so long after the last letter, in milliseconds. */
const PAUSE = 120;

/** A screen reader hears the count so long after the last letter, in milliseconds. */
const SAY_AFTER = 900;

/** The rows' states are asked for again each so many milliseconds. */
const REFRESH_EVERY = 5_000;

/** The wishes behind the search. */
export interface Chosen {
  open(username: string): void;
  typed(query: string): void;
}

/** The search box and its results. */
export class Search {
  readonly root: HTMLElement;
  readonly #desk: Desk;
  readonly #chosen: Chosen;
  readonly #input = element("input", {
    id: "search", type: "search", role: "combobox", "aria-expanded": "false", "aria-controls": "rows", "aria-autocomplete": "list",
    autocomplete: "off", autocapitalize: "none", spellcheck: "false", placeholder: words.placeholder, maxlength: 200,
  });
  readonly #clear = button(words.clear, () => this.#reset(), "inside", { hidden: true });
  readonly #told = element("span");
  readonly #list = element("div", { id: "rows", class: "rows", role: "listbox", "aria-label": words.results, hidden: true });
  readonly #beside = element("div", {}, bones(6));
  readonly #elements = new Map<string, { element: HTMLElement; drawn: string }>();
  readonly #end: () => void;
  #rows: readonly Row[] = [];
  #active: string | null = null;
  #open: string | null = null;
  #query = "";
  #abort: AbortController | null = null;
  #pause = 0;
  #say = 0;
  #numbers = 0;

  constructor(desk: Desk, chosen: Chosen) {
    this.#desk = desk;
    this.#chosen = chosen;
    const label = element("label", { for: "search", class: "spoken" }, words.label);
    const keys = element("span", { class: "keys", "aria-hidden": "true" }, element("kbd", {}, "/"), ` ${words.keys.search} `, element("kbd", {}, "↑"), element("kbd", {}, "↓"), ` ${words.keys.choose}`);
    const told = element("p", { class: "told" }, this.#told, keys);
    this.root = element("search" as "section", { class: "find" }, label, element("div", { class: "wrap search" }, this.#input, this.#clear), told, this.#beside, this.#list);
    this.#input.addEventListener("input", () => this.#typed());
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#end = repeatedly(REFRESH_EVERY, () => this.#ask(this.#query));
  }

  /** Takes the query of the address and the open line. */
  show(query: string, open: string | null): void {
    this.#open = open;
    if (query !== this.#query) {
      this.#input.value = query;
      this.#query = query;
      void this.#ask(query);
    }
    this.#clear.hidden = this.#input.value === "";
    this.#select();
  }

  focus(): void {
    this.#input.focus();
    this.#input.select();
  }

  leave(): void {
    this.#end();
    this.#abort?.abort();
    clearTimeout(this.#pause);
    clearTimeout(this.#say);
  }

  #typed(): void {
    this.#clear.hidden = this.#input.value === "";
    clearTimeout(this.#pause);
    this.#pause = window.setTimeout(() => {
      const query = this.#input.value.trim();
      if (query === this.#query) return;
      this.#query = query;
      this.#active = null;
      this.#chosen.typed(query);
      void this.#ask(query, true);
    }, PAUSE);
  }

  #reset(): void {
    this.#input.value = "";
    this.#typed();
    this.#input.focus();
  }

  /** Asks the relay. An earlier question that is still under way is dropped: its answer would be of other letters. */
  async #ask(query: string, says = false): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    const answer = await this.#desk.api.get<Found>(`lines${queryOf({ q: query, limit: 50 })}`, abort.signal);
    if (abort.signal.aborted) return;
    if (!answer.ok) return this.#failed(answer.problem);
    this.#draw(answer.value, query);
    clearTimeout(this.#say);
    if (says) this.#say = window.setTimeout(() => announce(this.#told.textContent ?? ""), SAY_AFTER);
  }

  #failed(problem: Problem): void {
    this.#beside.replaceChildren(trouble(problem));
  }

  #draw({ total, hits, lines }: Found, query: string): void {
    this.#rows = lines;
    const told = query === "" ? (lines.length > 0 ? words.last : words.total(total)) : hits > lines.length ? words.first(lines.length, hits, total) : words.hits(hits, total);
    setText(this.#told, told);
    this.#beside.replaceChildren(...(lines.length > 0 ? [] : [nothing(query, total)]));
    const now = Date.now();
    this.#list.replaceChildren(...lines.map((row) => this.#row(row, query, now)));
    for (const username of [...this.#elements.keys()]) {
      if (!lines.some((row) => row.username === username)) this.#elements.delete(username);
    }
    this.#list.hidden = lines.length === 0;
    this.#input.setAttribute("aria-expanded", String(lines.length > 0));
    this.#select();
  }

  /** The row's element; one that is there already is drawn anew only for other content. */
  #row(row: Row, query: string, now: number): HTMLElement {
    const drawn = JSON.stringify([row, query, Math.floor(now / 86_400_000)]);
    const known = this.#elements.get(row.username) ?? { element: this.#newRow(row.username), drawn: "" };
    if (known.drawn !== drawn) known.element.replaceChildren(...rowContent(row, query, now));
    this.#elements.set(row.username, { element: known.element, drawn });
    return known.element;
  }

  #newRow(username: string): HTMLElement {
    const row = element("div", { class: "row", role: "option", id: `row-${(this.#numbers += 1)}`, "aria-selected": "false" });
    row.addEventListener("click", () => this.#choose(username));
    return row;
  }

  #choose(username: string): void {
    this.#active = username;
    this.#chosen.open(username);
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
    if (event.key === "Escape" && this.#input.value !== "") {
      event.preventDefault();
      return this.#reset();
    }
    if (event.key === "Enter") {
      const username = this.#active ?? this.#rows[0]?.username;
      // Letters that nobody has answered yet are about other rows.
      if (username !== undefined && this.#input.value.trim() === this.#query) this.#choose(username);
      return;
    }
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move === undefined || this.#rows.length === 0) return;
    event.preventDefault();
    const at = this.#rows.findIndex((row) => row.username === (this.#active ?? this.#open));
    const next = Math.min(this.#rows.length - 1, Math.max(0, at + move));
    this.#active = this.#rows[next]?.username ?? null;
    this.#select();
  }

  /** Marks the open row and the one that the arrows are at. */
  #select(): void {
    this.#input.removeAttribute("aria-activedescendant");
    for (const [username, { element: row }] of this.#elements) {
      const isActive = username === this.#active;
      row.setAttribute("aria-selected", String(username === this.#open));
      row.classList.toggle("active", isActive);
      if (!isActive) continue;
      this.#input.setAttribute("aria-activedescendant", row.id);
      row.scrollIntoView({ block: "nearest" });
    }
  }
}

function nothing(query: string, total: number): HTMLElement {
  const [title, detail] =
    query !== "" ? [words.none(visible(query)), words.noneDetail] : total === 0 ? [words.nothingHere, words.nothingHereDetail] : [words.nothingYet, words.nothingYetDetail];
  return element("div", { class: "nothing" }, element("b", { dir: "auto" }, title), detail);
}
