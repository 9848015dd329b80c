// The busiest lines now, of all routers or of one, and the addresses for televisions.

import { element } from "../dom.ts";
import { strings } from "../words/console.ts";
import { BoardView, REFRESH_EVERY } from "./board.ts";
import type { Board } from "./contract.ts";
import { type Desk, repeatedly, type Screen } from "./desk.ts";
import { showDialog } from "./dialog.ts";
import { queryOf } from "./routes.ts";
import { isolated, visible } from "./text.ts";
import { announce, button, choice, copyButton, trouble } from "./widgets.ts";

const words = strings.busiest;

/** The section of the busiest lines. */
export class Busiest implements Screen {
  readonly root: HTMLElement;
  readonly #desk: Desk;
  readonly #board: BoardView;
  readonly #told = element("div");
  readonly #router = choice(words.router, { "": words.allRouters }, "", true);
  readonly #ends: (() => void)[];

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#board = new BoardView((username) => {
      const link = desk.link({ screen: "lines", username, query: "" }, "");
      link.append(isolated(username));
      return link;
    });
    this.#router.select.addEventListener("change", () => void this.#ask());
    const acts = element("div", { class: "acts" }, this.#router.box, desk.link({ screen: "wall" }, words.wall, "button"));
    if (desk.me.role === "admin") acts.append(button(words.wallAddress, () => void this.#address()));
    const title = element("h1", { tabindex: -1 }, words.title, " ", element("small", {}, words.averages));
    this.root = element("div", { class: "page busiest" }, element("div", { class: "head" }, title, this.#board.sums, acts), this.#told, this.#board.root);
    const clock = setInterval(() => this.#board.age(), 1_000);
    this.#ends = [() => clearInterval(clock)];
  }

  show(): void {
    this.#desk.entitle(words.title);
    if (this.#ends.length === 1) this.#ends.push(repeatedly(REFRESH_EVERY, () => this.#ask()));
  }

  leave(): void {
    for (const end of this.#ends) end();
  }

  async #ask(): Promise<void> {
    const agent = this.#router.select.value;
    const answer = await this.#desk.api.get<Board>(`busiest${queryOf({ agent, n: 12 })}`);
    if (agent !== this.#router.select.value) return;
    if (!answer.ok) return;
    this.#board.show(answer.value);
    if (agent === "") this.#name(answer.value.agents.map(({ name }) => name));
  }

  /** Fills the choice of routers. */
  #name(agents: readonly string[]): void {
    const { select } = this.#router;
    const known = [...select.options].map(({ value }) => value).slice(1);
    if (known.join("\n") === agents.join("\n")) return;
    const options = agents.map((name) => element("option", { value: name }, visible(name)));
    select.replaceChildren(element("option", { value: "" }, words.allRouters), ...options);
  }

  async #address(): Promise<void> {
    const answer = await this.#desk.api.post<{ url: string }>("wall/token");
    if (!answer.ok) return this.#told.replaceChildren(trouble(answer.problem));
    this.#told.replaceChildren();
    const { url } = answer.value;
    const shown = element("p", { class: "address" }, isolated(url));
    const ends = button(words.wallRevoke, () => void this.#end(), "grave");
    showDialog(words.wallTitle, [element("p", {}, words.wallDetail), shown], [copyButton(strings.copy, () => url, shown), ends]);
  }

  async #end(): Promise<void> {
    const answer = await this.#desk.api.post("wall/revoke");
    if (!answer.ok) return this.#told.replaceChildren(trouble(answer.problem));
    document.querySelector("dialog")?.close();
    announce(words.wallRevoked, true);
  }
}
