// Starts the console: reads the address, asks who is there, and shows a screen or the sign-in. Tells when anything fails.

import { element, part, setText } from "../dom.ts";
import { paint } from "../line/colours.ts";
import { pathWithin } from "../live/address.ts";
import { strings } from "../words/console.ts";
import { Api, type Problem } from "./api.ts";
import type { Me } from "./contract.ts";
import { closeDialog } from "./dialog.ts";
import { Frame } from "./frame.ts";
import { pathOf, readRoute, type Route } from "./routes.ts";
import { SignIn } from "./signin.ts";
import { Wall } from "./wall.ts";
import { notice, trouble } from "./widgets.ts";

/** The relay's folder: this script is in its assets. */
const BASE = new URL("../", import.meta.url);

addEventListener("error", (event) => {
  // A ResizeObserver that runs twice in a picture reports no error object.
  if (event.error instanceof Error) tellFault();
});
addEventListener("unhandledrejection", tellFault);
function tellFault(): void {
  const fault = document.querySelector<HTMLElement>("#fault");
  if (fault !== null) fault.hidden = false;
}

/** The console of one document. */
class Console {
  readonly #host = part(document, "#console");
  readonly #brand = document.documentElement.dataset["brand"] ?? "";
  readonly #api = new Api(new URL("console/api/", BASE).href, () => this.#signedOut());
  #frame: Frame | null = null;

  /** Shows what the address asks for. */
  async start(): Promise<void> {
    const route = readRoute(pathWithin(BASE, location.pathname), location.search);
    const secret = decodeURIComponent(location.hash.slice(1));
    if (route.screen === "wall") return this.#wall(secret);
    if (route.screen === "invitation" || (route.screen === "sign-in" && secret !== "")) {
      // The secret leaves the address before anything else happens: history and onlookers keep addresses.
      history.replaceState(null, "", new URL(pathOf(route), BASE));
      return this.#door(route, secret);
    }
    const me = await this.#api.get<Me>("me");
    if (me.ok) return this.#begin(me.value, route);
    if (me.problem.reason !== "signed-out") this.#unreachable(me.problem);
  }

  #begin(me: Me, route: Route): void {
    if (me.totp_required && !me.totp && me.by === "password") return this.#enrol();
    const start: Route = route.screen === "sign-in" ? { screen: "lines", username: null, query: "" } : route;
    this.#frame = new Frame(this.#host, { api: this.#api, me, base: BASE, brand: me.brand ?? this.#brand });
    this.#frame.go(start, true);
  }

  #enrol(): void {
    const door = new SignIn(this.#api, this.#brand, () => location.reload());
    this.#host.replaceChildren(door.root);
    void door.enrol();
  }

  /** A wallboard: by the token of its address, or for somebody who is signed in. */
  #wall(token: string): void {
    const wall = new Wall(this.#api, token === "" ? null : token);
    this.#host.replaceChildren(wall.root);
    document.title = `${strings.busiest.title} · ${this.#brand}`;
    wall.start();
  }

  async #door(route: Route, secret: string): Promise<void> {
    const toLines = (): void => location.replace(new URL(pathOf({ screen: "lines", username: null, query: "" }), BASE));
    const door = new SignIn(this.#api, this.#brand, toLines);
    this.#host.replaceChildren(door.root);
    await (route.screen === "invitation" ? door.invitation(secret) : door.once(secret, false));
  }

  /** Nobody is signed in, or not any more. The address stays, so that signing in leads back to it. */
  #signedOut(): void {
    if (this.#host.querySelector(".door") !== null) return;
    const wasIn = this.#frame !== null;
    closeDialog();
    this.#frame?.leave();
    this.#frame = null;
    const door = new SignIn(this.#api, this.#brand, () => location.reload());
    this.#host.replaceChildren(door.root);
    void this.#api.get<Me>("me").then((me) => {
      if (me.ok) return location.reload();
      const lead = wasIn ? notice(strings.signIn.signedOut, "", "quiet") : null;
      door.ask(me.problem.body["company_sign_in"] === true, lead);
    });
  }

  #unreachable(problem: Problem): void {
    const title = element("h1", {}, this.#brand);
    const again = trouble(problem, () => void this.start());
    this.#host.replaceChildren(element("main", { class: "door", id: "content" }, element("section", { class: "card" }, title, again)));
  }
}

try {
  paint(document.documentElement);
  void new Console().start();
  part(document, "#not-started").remove();
} catch (fault) {
  const told = document.querySelector<HTMLElement>("#not-started");
  if (told !== null) setText(told, strings.page.notStarted);
  told?.classList.add("certain");
  throw fault;
}
