// The open line: whose it is, the link for the caller, the live part, and what only the desk sees beside it.

import { element, setText, svg } from "../dom.ts";
import { strings } from "../words/console.ts";
import type { Problem } from "./api.ts";
import type { LineFacts, Meant } from "./contract.ts";
import { type Desk, repeatedly, replaceKeepingFocus } from "./desk.ts";
import { factsOf, linksOf, refusedOf, watchedOf } from "./facts.ts";
import { Links } from "./links.ts";
import { Live } from "./live.ts";
import { pinButton } from "./slow.ts";
import { isolated, visible } from "./text.ts";
import { button, notice, trouble } from "./widgets.ts";

const words = strings.line;

/** What only the desk sees is asked for each so many milliseconds. */
const REFRESH_EVERY = 5_000;

/** The open line, or none. */
export class Line {
  readonly root = element("article", { class: "line-view" });
  readonly #desk: Desk;
  readonly #open: (username: string) => void;
  readonly #live: Live;
  readonly #links: Links;
  readonly #name = element("h1", { tabindex: -1 });
  readonly #who = element("p", { class: "soft" });
  readonly #told = element("div");
  readonly #cards = element("div", { class: "two" });
  readonly #body: HTMLElement;
  readonly #nothing = element("p", { class: "nothing" }, strings.search.choose);
  #username: string | null = null;
  #drawn = "";
  #knownAt: number | null = null;
  #end: () => void = () => undefined;

  constructor(desk: Desk, open: (username: string) => void, back: () => void) {
    this.#desk = desk;
    this.#open = open;
    this.#live = new Live(desk.base.href);
    this.#links = new Links(desk, () => void this.#ask());
    const arrow = svg("svg", { width: 20, height: 20, viewBox: "0 0 20 20", fill: "none", stroke: "currentColor", "stroke-width": 2, "aria-hidden": "true" }, svg("path", { d: "M12.5 4 6.500 10l6 6" }));
    const returns = button(words.back, back, "back");
    returns.prepend(arrow);
    const head = element("header", { class: "line-head" }, element("div", {}, this.#name, this.#who), this.#live.pill);
    this.#body = element("div", { class: "line-body", hidden: true }, returns, head, this.#told, this.#links.acts, this.#live.card, element("p", { class: "acts" }, pinButton(desk, () => this.#username)), this.#cards, this.#links.end);
    this.root.append(this.#nothing, this.#body);
  }

  /** Opens a line, or none for null. */
  open(username: string | null): void {
    this.#end();
    this.#username = username;
    this.#drawn = "";
    this.#knownAt = null;
    this.#body.hidden = username === null;
    this.#nothing.hidden = username !== null;
    this.#told.replaceChildren();
    this.#cards.replaceChildren();
    if (username === null) return this.#live.end();
    this.#whose({ username, customer: null, package: null, fields: {} });
    this.#links.of(username, visible(username));
    this.#live.begin(username);
    this.#end = repeatedly(REFRESH_EVERY, () => this.#ask());
  }

  focus(): void {
    this.#name.focus();
  }

  leave(): void {
    this.#end();
    this.#username = null;
    this.#live.leave();
  }

  async #ask(): Promise<void> {
    const username = this.#username;
    if (username === null) return;
    const answer = await this.#desk.api.get<LineFacts>(`lines/${encodeURIComponent(username)}`);
    // Another line may be open by now.
    if (username !== this.#username) return;
    if (!answer.ok) return this.#failed(answer.problem);
    this.#knownAt = Date.now();
    this.#show(answer.value);
  }

  #failed(problem: Problem): void {
    if (problem.reason === "unknown") return this.#unknown(problem.body["meant"]);
    const stale = this.#knownAt === null ? trouble(problem) : notice(strings.problem.stale(strings.time(this.#knownAt)));
    if (problem.reason !== "signed-out") this.#told.replaceChildren(stale);
  }

  #unknown(meant: unknown): void {
    this.#told.replaceChildren(notice(words.unknown), ...this.#perhaps(Array.isArray(meant) ? (meant as Meant[]) : []));
  }

  #perhaps(lines: readonly Meant[]): HTMLElement[] {
    if (lines.length === 0) return [];
    const links = lines.map(({ username, customer }) => {
      const link = button("", () => this.#open(username), "small", { "data-key": `meant ${username}` });
      link.append(isolated(username), ...(customer === null ? [] : [" · ", isolated(customer)]));
      return link;
    });
    return [element("p", { class: "acts" }, `${words.meant} `, ...links)];
  }

  #show(line: LineFacts): void {
    this.#whose(line);
    this.#links.of(line.username, visible(line.customer ?? line.username));
    const isNobody = line.state === "never-seen" && line.meant.length > 0;
    replaceKeepingFocus(this.#told, isNobody ? this.#perhaps(line.meant) : []);
    const now = Date.now();
    const drawn = JSON.stringify([line, Math.floor(now / 60_000)]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const revoke = (id: string): void => this.#links.revoke(id);
    replaceKeepingFocus(this.#cards, [
      factsOf(line, now),
      refusedOf(line, now, () => void this.#links.copy()),
      linksOf(line, now, revoke),
      watchedOf(line, now),
    ]);
  }

  #whose({ username, customer, fields, package: pack }: Pick<LineFacts, "username" | "customer" | "package" | "fields">): void {
    const name = visible(customer ?? username);
    setText(this.#name, name);
    this.#name.setAttribute("dir", "auto");
    const known = ["reference", "phone"].map((field) => fields[field]).filter((value) => value !== undefined && value !== "");
    const parts = [...(customer === null ? [] : [username]), pack, ...known].filter((value): value is string => typeof value === "string");
    this.#who.replaceChildren(...parts.flatMap((text, i) => (i === 0 ? [isolated(text)] : [" · ", isolated(text)])));
  }
}
