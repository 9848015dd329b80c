// The page's connection in a real browser: dropped, silent, hidden, asleep, blocked; and the page's words meanwhile.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Page } from "playwright-core";
import { eventually, figures, NUMBER, type Opened, sees, setVisible } from "./chromium.ts";
import { EXACT, history, sample, snapshot, state } from "./fake-relay.ts";
import { openPage, relay } from "./relay-and-pages.ts";


/** A token with a username, like a relay's; nobody checks the signature here. */
const CLAIMS = Buffer.from(JSON.stringify({ sub: "caf%E9/a b" })).toString("base64url");
const TOKEN = `e30.${CLAIMS}.c2ln`;

let opened: Opened;
beforeEach(async () => {
  relay.answer = (viewer) => {
    viewer.send(snapshot());
    viewer.send(sample(Date.now(), EXACT));
  };
  opened = await openPage();
});

async function open(path = `/#${TOKEN}`): Promise<Page> {
  await opened.page.goto(relay.origin + path);
  return opened.page;
}

/** Lets the page's clock go on by a second, with a sample of `second` Mbps. */
async function passSecond(page: Page, second: number): Promise<void> {
  await page.clock.runFor(1_000);
  relay.send(sample(Date.now() + second * 1_000, { down: second * 1_000_000, up: 0 }));
  await eventually("the sample is there", async () => (await figures(page)).down === `${second.toFixed(second < 10 ? 2 : 1)} Mbps`);
}

test("the fragment's token is sent in the first frame, and nowhere else", async () => {
  const requests: string[] = [];
  opened.page.on("request", (request) => requests.push(`${request.url()} ${JSON.stringify(request.headers())}`));
  await sees(await open("/line/ali#a.b.c"), NUMBER, "14.8");
  assert.deepEqual(relay.watches, [{ type: "watch", token: "a.b.c" }]);
  // Chromium shows the fragment of the navigation itself; no request holds the fragment.
  assert.ok(requests.slice(1).every((request) => !request.includes("a.b.c")));
});

test("a name in the path is sent in its text form", async () => {
  await sees(await open("/line/caf%25E9%2Fa%20b"), NUMBER, "14.8");
  assert.deepEqual(relay.watches, [{ type: "watch", username: "caf%E9/a b" }]);
});

test("another link in the same tab opens the other line, and shows nothing of the first", async () => {
  const page = await open("/#one");
  await sees(page, NUMBER, "14.8");
  relay.answer = (viewer) => viewer.send(snapshot({ customer: "Other", state: "unknown" }));
  await page.evaluate(() => {
    location.hash = "two";
  });
  await sees(page, "#name", "Other");
  assert.deepEqual(await figures(page), { down: "–", up: "–" });
  assert.deepEqual(relay.watches.map((watch) => watch["token"]), ["one", "two"]);
  await eventually("one viewer", () => relay.viewers === 1);
});

test("a dropped connection comes back by itself, and the seconds between stay empty", async () => {
  const page = await open();
  await sees(page, NUMBER, "14.8");
  relay.answer = (viewer) => viewer.send(snapshot());
  relay.close(1001, "going_away");
  await eventually("the page asks again", () => relay.watches.length === 2);
  await sees(page, "#pill-text", "Running");
});

test("a figure that grows old is taken away, and comes back", async () => {
  const began = Date.now();
  const page = await open();
  await sees(page, NUMBER, "14.8");
  await sees(page, NUMBER, "–");
  const took = Date.now() - began;
  assert.ok(took > 3_000, `after ${took} ms`);
  await sees(page, "#title", "Your line is connected, but its figures are late.");
  relay.send(sample(Date.now(), EXACT));
  await sees(page, NUMBER, "14.8");
});

test("figures that are old when they come are not shown", async () => {
  relay.answer = (viewer) => viewer.send(snapshot({ history: history(30, Date.now() - 8_000, () => EXACT) }));
  const page = await open();
  await sees(page, "#pill-text", "No figures");
  assert.deepEqual(await figures(page), { down: "–", up: "–" });
});

test("the browser's clock does not matter", async () => {
  await opened.page.addInitScript(() => {
    const real = Date.now;
    Date.now = () => real() - 5 * 365 * 86_400_000;
  });
  const page = await open();
  await sees(page, NUMBER, "14.8");
  relay.send(state("offline", { since: Date.now() }));
  await sees(page, "#title", /since \d\d:\d\d\.$/);
});

test("Refresh connects anew and takes a new snapshot", async () => {
  const page = await open();
  await sees(page, NUMBER, "14.8");
  relay.answer = (viewer) => viewer.send(snapshot({ customer: "New name" }));
  await eventually("Refresh is taken, which it is not in a connection's first second", async () => {
    await page.getByRole("button", { name: "Refresh" }).click();
    return relay.watches.length === 2;
  });
  await sees(page, "#name", "New name");
  await eventually("the old connection is gone", () => relay.viewers === 1 && relay.watches.length === 2);
});

test("an ended link asks again only when the reader does", async () => {
  await opened.page.clock.install({ time: Date.now() });
  relay.answer = (viewer) => viewer.close(4103, "link_expired");
  const page = await open();
  await sees(page, "#title", "This link has expired.");
  await page.clock.runFor(120_000);
  assert.equal(relay.watches.length, 1);
  await page.getByRole("button", { name: "Refresh" }).click();
  await eventually("asked again", () => relay.watches.length === 2);
});

test("an expired link ends an open page with the same words", async () => {
  const page = await open();
  await sees(page, NUMBER, "14.8");
  relay.close(4103, "link_expired");
  await sees(page, "#title", "This link has expired.");
});

test("a lost network is named, and its return is used", async () => {
  const page = await open();
  await sees(page, NUMBER, "14.8");
  await opened.context.setOffline(true);
  await sees(page, "#pill-text", "Connection lost");
  await sees(page, "#detail", /no network/);
  await opened.context.setOffline(false);
  await sees(page, "#pill-text", "Running", 20_000);
});

test("where WebSockets are blocked the figures come as server-sent events", async () => {
  relay.refusesWebSockets = true;
  const page = await open();
  await sees(page, NUMBER, "14.8", 20_000);
  assert.deepEqual(relay.watches, [{ type: "events", username: "caf%E9/a b", authorization: `Bearer ${TOKEN}` }]);
  relay.send(sample(Date.now() + 1_000, { down: 15_000_000, up: 0 }));
  await sees(page, NUMBER, "15.0");
});

test("a hidden tab lets go after a minute, draws the gap when shown, and goes on", async () => {
  await opened.page.clock.install({ time: Date.now() });
  const page = await open();
  await sees(page, NUMBER, "14.8");
  await setVisible(page, false);
  // The page's clock also goes on by itself: approach the minute with care.
  for (let second = 1; second <= 40; second += 1) await passSecond(page, second);
  assert.equal(relay.viewers, 1);
  await page.clock.runFor(21_000);
  await eventually("let go", () => relay.viewers === 0);
  await eventually("title", async () => (await page.title()).startsWith("Paused"));
  await page.clock.runFor(120_000);
  assert.equal(relay.watches.length, 1, "nothing happens in the background");
  relay.answer = (viewer) => {
    const now = Date.now() + 181_000;
    viewer.send(snapshot({ now }));
    viewer.send(sample(now, EXACT));
  };
  await setVisible(page, true);
  await eventually("watches again", () => relay.viewers === 1);
  await page.clock.runFor(1_000);
  await sees(page, NUMBER, "14.8");
  await page.getByRole("button", { name: "5 min", exact: true }).click();
  await page.getByText("Figures as a table").click();
  const rows = (await page.locator("tbody tr").allInnerTexts()).slice(4).map((row) => row.split("\t")[1] ?? "");
  const gap = rows.indexOf("–");
  assert.ok(gap !== -1 && rows.slice(gap).some((row) => row.endsWith("Mbps")), rows.join(", "));
});

test("after sleep it connects at once", async () => {
  await opened.page.clock.install({ time: Date.now() });
  const page = await open();
  await sees(page, NUMBER, "14.8");
  await page.clock.fastForward(600_000);
  await eventually("connects anew", () => relay.watches.length === 2);
});

test("a figure from before a sleep is not shown as current, though the monotonic clock stood still", async () => {
  const page = await open();
  await sees(page, NUMBER, "14.8");
  relay.answer = () => undefined;
  // The first render after waking; the page's own look at the clocks follows within five seconds.
  await page.evaluate(() => {
    const before = Date.now;
    Date.now = () => before() + 3_600_000;
  });
  await sees(page, NUMBER, "–", 1_500);
});

test("total silence is a dead connection", async () => {
  await opened.page.clock.install({ time: Date.now() });
  const page = await open();
  await sees(page, NUMBER, "14.8");
  relay.answer = () => undefined;
  await page.clock.runFor(24_000);
  await sees(page, "#pill-text", "No figures");
  await page.clock.runFor(2_000);
  await sees(page, "#pill-text", "Connection lost");
});

test("the live region speaks at most every fifteen seconds", async () => {
  await opened.page.clock.install({ time: Date.now() });
  const page = await open();
  await sees(page, "#spoken", /^Running\. .*Download 14\.8 Mbps, upload 0\.62 Mbps\.$/);
  await page.evaluate(() => {
    const spoken = document.querySelector("#spoken") as Element;
    const at: number[] = [];
    Object.assign(window, { spokenAt: at });
    new MutationObserver(() => at.push(performance.now())).observe(spoken, { childList: true, characterData: true, subtree: true });
  });
  for (let second = 1; second <= 40; second += 1) {
    await passSecond(page, second);
  }
  const at = await page.evaluate(() => (window as unknown as { spokenAt: number[] }).spokenAt);
  assert.ok(at.length >= 2, `spoke ${at.length} times`);
  at.forEach((time, i) => assert.ok(i === 0 || time - (at[i - 1] as number) >= 14_900, at.join(", ")));
});
