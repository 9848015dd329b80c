// The section of lines: the search beside the open line. Wide, both are in sight; narrow, one or the other.

import { element } from "../dom.ts";
import { strings } from "../words/console.ts";
import type { Desk, Screen } from "./desk.ts";
import { Line } from "./line.ts";
import type { Route } from "./routes.ts";
import { Search } from "./search.ts";

/** Below this width the list and the line are not beside each other; console.css has the same. */
const NARROW = "(max-width: 53.74em)";

/** The section of lines. */
export class Lines implements Screen {
  readonly root = element("div", { class: "desk" });
  readonly #desk: Desk;
  readonly #search: Search;
  readonly #line: Line;
  readonly #left = new AbortController();
  /** The heading while no line is open. */
  readonly #title = element("h1", { class: "spoken" }, strings.sections.lines);
  #route: Extract<Route, { screen: "lines" }> = { screen: "lines", username: null, query: "" };
  #isFirst = true;

  constructor(desk: Desk) {
    this.#desk = desk;
    const open = (username: string): void => desk.go({ ...this.#route, username });
    this.#search = new Search(desk, {
      open,
      typed: (query) => desk.go({ ...this.#route, query }, true),
    });
    this.#line = new Line(desk, open, () => desk.go({ ...this.#route, username: null }));
    this.root.append(this.#search.root, this.#line.root);
    document.addEventListener("keydown", (event) => this.#key(event), { signal: this.#left.signal });
  }

  show(route: Route): void {
    if (route.screen !== "lines") return;
    const isOther = this.#isFirst || route.username !== this.#route.username;
    const wasOpen = this.#route.username !== null;
    this.#route = route;
    this.root.classList.toggle("opened", route.username !== null);
    if (route.username === null) this.root.prepend(this.#title);
    else this.#title.remove();
    this.#search.show(route.query, route.username);
    if (!isOther) return;
    this.#line.open(route.username);
    if (route.username === null) this.#desk.entitle(strings.sections.lines);
    const isNarrow = matchMedia(NARROW).matches;
    if (isNarrow && route.username !== null) {
      scrollTo(0, 0);
      this.#line.focus();
    } else if (this.#isFirst || (wasOpen && isNarrow)) {
      this.#search.focus();
    }
    this.#isFirst = false;
  }

  leave(): void {
    this.#left.abort();
    this.#search.leave();
    this.#line.leave();
  }

  /** A slash goes to the search, unless somebody is writing. */
  #key(event: KeyboardEvent): void {
    const isWriting = event.target instanceof HTMLElement && event.target.closest("input, textarea, select, dialog") !== null;
    if (event.key !== "/" || isWriting || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (matchMedia(NARROW).matches && this.#route.username !== null) this.#desk.go({ ...this.#route, username: null });
    this.#search.focus();
  }
}
