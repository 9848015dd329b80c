// The page in each engine that people have: a link opens, figures live, the chart drawn, the connection lost and back, and what
// browsers take away: WebSockets, storage, the style sheet, a language that is one.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "./chromium.ts";
import { chromium } from "./engines/chromium.ts";
import { firefox } from "./engines/firefox.ts";
import { complaints, lightness, lineOf, overlaps, sees, seesChart, seesFigures } from "./engines/reading.ts";
import { RATES, TOKEN, Visit } from "./engines/visit.ts";
import { inked, type Run, runs, share } from "./pixels.ts";
import { webkit } from "./engines/webkit.ts";
import { history, sample, snapshot, state } from "./fake-relay.ts";

/** Browsers' language settings that are no languages. */
const LANGUAGES = ["C", "", "x-klingon", "i-default", "de-CH-1996", "en_US.UTF-8", "ar-EG", "fa-IR-u-nu-arabext"];

/** A minute and a half with a gap of twenty seconds. */
const gapped = () => history(90, Date.now(), (age) => (age > 20 && age < 40 ? null : RATES));

function opensALink(visit: Visit): void {
  test("a link opens the line, live, without a complaint", async () => {
    const { tab, relay } = visit;
    await visit.open();
    await sees(tab, "#name", "Protea Motors");
    await sees(tab, "#pill-text", "Running");
    await seesFigures(tab, "7.25 Mbps", "1.50 Mbps");
    assert.deepEqual(relay.watches, [{ type: "watch", token: TOKEN }]);
    relay.send(sample(Date.now() + 1, { down: 9_990_000, up: 1_000_000 }));
    await seesFigures(tab, "9.99 Mbps", "1.00 Mbps");
    assert.deepEqual(await complaints(tab), []);
  });
}

function tellsTheState(visit: Visit): void {
  test("the verdict and the states are told in words", async () => {
    const { tab, relay } = visit;
    relay.answer = (viewer) => viewer.send(snapshot({ history: history(60, Date.now(), () => ({ down: 48.7e6, up: 1e6 })) }));
    await visit.open();
    await sees(tab, "#title", /\bfull\b/);
    relay.send(state("offline", { since: Date.now() - 60_000 }));
    await sees(tab, "#pill-text", "Not connected");
    await sees(tab, "#title", /not connected/);
    await seesFigures(tab, "–", "–");
    assert.deepEqual(await complaints(tab), []);
  });
}

function drawsTheChart(visit: Visit): void {
  test("the chart is drawn, with a gap where there was one, and moves", async () => {
    const { tab, relay } = visit;
    relay.answer = (viewer) => viewer.send(snapshot({ history: gapped() }));
    await visit.open();
    await seesFigures(tab, "7.25 Mbps", "1.50 Mbps");
    const end = relay.stream(() => RATES);
    let last: Run[] = [];
    const isGapped = async (): Promise<boolean> => {
      const line = await lineOf(tab, "down");
      // The plan's name may stand over the line's right end.
      last = runs(line.slice(0, line.length * 0.75)).filter((run) => run.share > 0.02);
      const [before, gap, after, ...more] = last;
      return more.length === 0 && !!before?.drawn && !!after?.drawn && Math.abs((gap?.share ?? 0) * 0.75 - 21 / 60) < 0.05;
    };
    await eventually("line, gap of a third, line", isGapped).catch((error: Error) => {
      throw new Error(`${error.message}; they are ${JSON.stringify(last)}`);
    });
    const dashes = share(await lineOf(tab, "up"));
    assert.ok(dashes > 0.2 && dashes < 0.65, `upload's dashes cover ${dashes}`);
    end();
    const first = await tab.picture(".panel[data-direction=down] .plot");
    await eventually("the chart moves", async () => !first.equals(await tab.picture(".panel[data-direction=down] .plot")));
  });
}

function handles(visit: Visit): void {
  test("buttons and the table answer, and the chosen window is kept", async () => {
    const { tab } = visit;
    await visit.open();
    await seesFigures(tab, "7.25 Mbps", "1.50 Mbps");
    await tab.click("#window button:nth-child(4)");
    await sees(tab, "#window [aria-pressed=true]", "2 h");
    await tab.click("#table-box summary");
    await sees(tab, "tbody tr", /7\.25 Mbps/);
    await visit.open();
    await sees(tab, "#window [aria-pressed=true]", "2 h");
  });
}

function comesBack(visit: Visit): void {
  test("a relay that restarts is named, and its return is used", async () => {
    const { tab, relay } = visit;
    await visit.open();
    await seesFigures(tab, "7.25 Mbps", "1.50 Mbps");
    relay.goAway();
    await sees(tab, "#pill-text", "Connection lost");
    relay.comeBack();
    await sees(tab, "#pill-text", "Running", 20_000);
    await seesFigures(tab, "7.25 Mbps", "1.50 Mbps");
  });

  test("the page is live again when the reader comes back to it", async () => {
    const { tab, relay } = visit;
    await visit.open();
    await seesFigures(tab, "7.25 Mbps", "1.50 Mbps");
    await tab.load("about:blank");
    await eventually("the page let go", () => relay.viewers === 0);
    await tab.back();
    await eventually("it watches again", () => relay.viewers === 1);
    relay.send(sample(Date.now() + 1, { down: 9_990_000, up: 1_000_000 }));
    await seesFigures(tab, "9.99 Mbps", "1.00 Mbps");
  });
}

/** Keeps WebSockets from opening, in the page. */
const BLOCKERS: Record<string, () => void> = {
  "a proxy refuses WebSockets": () => undefined,
  "the browser throws at a WebSocket": () => {
    window.WebSocket = new Proxy(WebSocket, {
      construct: () => {
        throw new DOMException("blocked", "SecurityError");
      },
    });
  },
  "the browser has no WebSocket": () => {
    Reflect.deleteProperty(window, "WebSocket");
  },
};

function takesNoWebSocket(visit: Visit): void {
  for (const [name, block] of Object.entries(BLOCKERS)) {
    test(`where ${name}, the figures come as server-sent events`, async () => {
      const { tab, relay } = visit;
      relay.refusesWebSockets = true;
      await visit.open(block);
      await seesFigures(tab, "7.25 Mbps", "1.50 Mbps", 20_000);
      const watch = { type: "events", username: "4446@karoo.example", authorization: `Bearer ${TOKEN}` };
      assert.deepEqual(relay.watches, [watch]);
      relay.send(sample(Date.now() + 1, { down: 9_990_000, up: 1_000_000 }));
      await seesFigures(tab, "9.99 Mbps", "1.00 Mbps");
    });
  }
}

function speaksAnyLanguage(visit: Visit): void {
  for (const language of LANGUAGES) {
    test(`a browser whose language is "${language}" shows the same figures and chart`, async () => {
      const { tab } = visit;
      await visit.open((chosen) => {
        Object.defineProperty(navigator, "language", { get: () => chosen });
        Object.defineProperty(navigator, "languages", { get: () => [chosen] });
      }, language);
      await sees(tab, "#pill-text", "Running");
      await seesFigures(tab, "7.25 Mbps", "1.50 Mbps");
      await seesChart(tab);
      assert.deepEqual(await complaints(tab), []);
    });
  }
}

/** Missing, throwing and spoiled storage. */
const STORAGES: Record<string, () => void> = {
  "is not there": () => {
    Object.defineProperty(window, "localStorage", { get: () => null });
  },
  "throws when it is touched": () => {
    const refuse = (): never => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    };
    Object.defineProperty(window, "localStorage", { get: refuse });
    Object.defineProperty(window, "sessionStorage", { get: refuse });
    Object.defineProperty(window, "indexedDB", { get: refuse });
  },
  "is full": () => {
    Storage.prototype.setItem = () => {
      throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
    };
  },
  "holds something else": () => {
    for (const key of ["linelight", "linelight.settings"]) localStorage.setItem(key, '{"minutes":"all","units":7}');
    Storage.prototype.getItem = () => "}{";
  },
};

function keepsNothing(visit: Visit): void {
  for (const [name, take] of Object.entries(STORAGES)) {
    test(`where storage ${name}, the page works and a choice lasts as long as it`, async () => {
      const { tab } = visit;
      await visit.open(take);
      await seesFigures(tab, "7.25 Mbps", "1.50 Mbps");
      await tab.click("#window button:nth-child(2)");
      await sees(tab, "#window [aria-pressed=true]", "5 min");
      await eventually("a quarter of the chart is drawn", async () => share(await lineOf(tab, "down")) > 0.15);
      assert.deepEqual(await complaints(tab), []);
    });
  }
}

function hasNoStyles(visit: Visit): void {
  for (const by of ["an error", "a cut connection"] as const) {
    test(`without its style sheet, by ${by}, the page can be read and its chart seen`, async () => {
      const { tab, relay } = visit;
      relay.withheld = { files: /\.css$/, by };
      relay.answer = (viewer) => viewer.send(snapshot({ history: gapped() }));
      await visit.open();
      await sees(tab, "#name", "Protea Motors");
      await sees(tab, "#pill-text", "Running");
      await seesFigures(tab, "7.25 Mbps", "1.50 Mbps");
      await sees(tab, "#title", /room/);
      await eventually("more ink on the line than in the gap", async () => {
        const ink = inked(await tab.picture(".panel[data-direction=down] .plot"));
        const at = (place: number): number => ink[Math.floor(ink.length * place)] ?? 0;
        return at(0.1) > at(0.5) + 1 && at(0.75) > at(0.5) + 1;
      });
      for (const selector of ["#name", "#title", ".number", ".panel text"]) {
        const { text, background } = await lightness(tab, selector);
        assert.ok(Math.abs(text - background) > 0.5, `${selector} is written in ${text} on ${background}`);
      }
      assert.deepEqual(await overlaps(tab), []);
      const heard = (await complaints(tab)).filter((complaint) => !/^not loaded: <link rel="stylesheet"/.test(complaint));
      assert.deepEqual(heard, []);
    });
  }
}

function isDark(visit: Visit): void {
  test("a dark scheme is dark, in its words and its chart", async () => {
    const { tab } = visit;
    await visit.open();
    await seesFigures(tab, "7.25 Mbps", "1.50 Mbps");
    await seesChart(tab);
    for (const selector of ["#name", "#title", ".number", "#window button"]) {
      const { text, background } = await lightness(tab, selector);
      assert.ok(background < 0.3, `${selector} stands on ${background}`);
      assert.ok(text > 0.5, `${selector} is written in ${text}`);
    }
    assert.ok((await lightness(tab, ".panel .plot")).background < 0.3);
    assert.deepEqual(await complaints(tab), []);
  });
}

for (const engine of [chromium, firefox, webkit]) {
  describe(engine.name, () => {
    const visit = new Visit(engine, "light");
    opensALink(visit);
    tellsTheState(visit);
    drawsTheChart(visit);
    handles(visit);
    comesBack(visit);
    takesNoWebSocket(visit);
    speaksAnyLanguage(visit);
    keepsNothing(visit);
    hasNoStyles(visit);
  });
  describe(`${engine.name}, dark`, () => {
    const visit = new Visit(engine, "dark");
    isDark(visit);
    hasNoStyles(visit);
  });
}
