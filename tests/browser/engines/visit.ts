// A visit of a line's page in any engine: the suite's browser, and for each test a scripted relay and a tab.

import { after, afterEach, before, beforeEach } from "node:test";
import type { Theme } from "../chromium.ts";
import { type Answer, FakeRelay, history, type Rates, snapshot } from "../fake-relay.ts";
import type { Engine, Running, Tab } from "./engine.ts";
import { witness } from "./reading.ts";

/** A token with the line's name, of usual length; nobody checks the signature here. */
export const TOKEN = ['{"alg":"HS256","typ":"JWT"}', '{"sub":"4446@karoo.example"}', "x".repeat(32)]
  .map((part) => Buffer.from(part).toString("base64url"))
  .join(".");

/** The line's rates: 7.25 Mbps and 1.50 Mbps. */
export const RATES: Rates = { down: 7_250_000, up: 1_500_000 };

/** A line with the same rates for a minute and a half. */
const steady: Answer = (viewer) => viewer.send(snapshot({ history: history(90, Date.now(), () => RATES) }));

/** The present test's relay and tab. */
export class Visit {
  #browser: Running | null = null;
  #relay: FakeRelay | null = null;
  #tab: Tab | null = null;

  /** Lets the hooks of the present suite make and end the needs of the tests. */
  constructor(engine: Engine, theme: Theme) {
    before(async () => {
      this.#browser = await engine.launch(theme);
    });
    after(() => this.#browser?.close());
    beforeEach(async () => {
      this.#relay = await FakeRelay.start();
      this.#relay.answer = steady;
      this.#tab = (await this.#browser?.open()) ?? null;
    });
    afterEach(async () => {
      await this.#tab?.close();
      await this.#relay?.stop();
    });
  }

  get relay(): FakeRelay {
    if (this.#relay === null) throw new Error("no test is running");
    return this.#relay;
  }

  get tab(): Tab {
    if (this.#tab === null) throw new Error("no test is running");
    return this.#tab;
  }

  /** Loads the line's page; `prelude` runs there before the page's scripts. */
  async open<Arguments extends unknown[]>(prelude?: (...given: Arguments) => void, ...given: Arguments): Promise<void> {
    const call = prelude === undefined ? "" : `(${prelude})(...${JSON.stringify(given)});`;
    this.relay.prelude = `(${witness})(); ${call}`;
    await this.tab.load(`${this.relay.origin}/#${TOKEN}`);
  }
}
