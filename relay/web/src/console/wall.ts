// The wallboard for a television: the board alone, dark always, sizes by the screen's width. It goes on by itself for
// months, and says when it is old.

import { element, setText } from "../dom.ts";
import { strings } from "../words/console.ts";
import type { Api } from "./api.ts";
import { BoardView, REFRESH_EVERY } from "./board.ts";
import type { Board } from "./contract.ts";

const words = strings.busiest;

/** The wallboard. */
export class Wall {
  readonly root: HTMLElement;
  readonly #api: Api;
  readonly #token: string | null;
  readonly #board = new BoardView(null);
  readonly #clock = element("p", { class: "clock" });
  #isOver = false;

  /** `token` is the address's; without one, somebody is signed in. */
  constructor(api: Api, token: string | null) {
    this.#api = api;
    this.#token = token;
    const title = element("h1", {}, words.title, " ", element("small", {}, words.averages));
    this.root = element("main", { class: "wall", id: "content" }, element("header", {}, title, this.#board.sums, this.#clock), this.#board.root);
  }

  /** Begins, for as long as the document is there. A television's page may count as hidden, and goes on. */
  start(): void {
    this.#tick();
    setInterval(() => this.#tick(), 1_000);
    void this.#ask();
    setInterval(() => void this.#ask(), REFRESH_EVERY);
  }

  #tick(): void {
    setText(this.#clock, strings.time(Date.now()));
    if (!this.#isOver) this.#board.age();
  }

  async #ask(): Promise<void> {
    const path = this.#token === null ? "busiest?n=12" : "wall";
    const answer = await this.#api.get<Board>(path, null, this.#token);
    const refused = !answer.ok && ["signed-out", "role", "unknown", "wrong"].includes(answer.problem.reason);
    this.#isOver = refused;
    if (answer.ok) this.#board.show(answer.value);
    else if (refused) this.#board.end(words.refused);
  }
}
