// The provider on every page, and the page after failures: scripts, storage, styles, languages, charts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { figures, NUMBER, sees } from "./chromium.ts";
import { running, snapshot, history } from "./fake-relay.ts";
import { openLine, openPage, relay } from "./relay-and-pages.ts";

const SUPPORT = '<a href="tel:+27515550142"><bdi>051 555 0142</bdi></a>';

test("brand and support are in the HTML: without JavaScript, expired, refused, without a link", async () => {
  relay.provider = { ...relay.provider, support: SUPPORT };
  const blind = await openPage({ javaScript: false });
  await blind.page.goto(`${relay.origin}/#token`);
  assert.equal(await blind.page.getByRole("link", { name: "051 555 0142" }).isVisible(), true);
  assert.equal(await blind.page.locator("#brand").innerText(), "Karoo Wireless");
  assert.equal(await blind.page.locator("#verdict").isVisible(), false);
  for (const [path, code] of [["/#token", 4103], ["/#token", 4102], ["/", 0]] as const) {
    const page = await openLine((viewer) => viewer.close(code === 0 ? 4103 : code, "link_refused"));
    await page.goto(relay.origin + path);
    await sees(page, "#title", /link/);
    assert.equal(await page.getByRole("link", { name: "051 555 0142" }).isVisible(), true, String(code));
  }
});

test("without contacts there is no block for them", async () => {
  const page = await openLine(running);
  assert.equal(await page.locator("#support").count(), 0);
});

test("another colour for upload, and two lines that differ without colour", async () => {
  relay.provider = { ...relay.provider, upload: "#1d5fd1" };
  const page = await openLine(running);
  await sees(page, NUMBER, "14.8");
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--up").trim()), "#1d5fd1");
  const dashes = await page.locator(".panel:not(.probed) .line").evaluateAll((lines) => lines.map((line) => line.getAttribute("stroke-dasharray")));
  assert.deepEqual(dashes, [null, "7 4"]);
});

test("no state is red", async () => {
  const page = await openLine((viewer) => viewer.send(snapshot({ state: "offline" })));
  await sees(page, "#pill-text", "Not connected");
  for (const selector of ["#pill", "#sign", "#verdict"]) {
    const colour = await page.locator(selector).evaluate((element) => getComputedStyle(element).color);
    const [red, green] = (colour.match(/\d+/g) ?? []).map(Number) as [number, number];
    assert.ok(red < 1.9 * green + 20, `${selector} is ${colour}`);
  }
});

test("a home screen's manifest, colours and a preview that names no line", async () => {
  const page = await openLine(running);
  const manifest = await page.evaluate(async () => (await fetch("/manifest.webmanifest")).json() as Promise<{ name: string; icons: { src: string }[] }>);
  assert.equal(manifest.name, "Karoo Wireless");
  for (const { src } of manifest.icons) assert.equal((await page.request.get(relay.origin + src)).status(), 200);
  assert.equal(await page.locator("meta[name=theme-color]").count(), 2);
  assert.equal(await page.locator("meta[property='og:title']").getAttribute("content"), "Karoo Wireless");
});

test("a full line: words first, tinted, and the same in the pill; all in the first screen", async () => {
  for (const [width, height] of [[390, 844], [844, 390], [1280, 800]] as const) {
    const plan = { down: 20_000_000, up: 5_000_000 };
    const full = () => ({ down: 18.9e6, up: 0.42e6 });
    const page = await openLine((viewer) => viewer.send(snapshot({ plan, history: history(60, Date.now(), full) })), { width, height });
    await sees(page, "#title", "Your line is full.");
    await sees(page, "#pill-text", "Full");
    const places = await page.evaluate(() => {
      const of = (selector: string) => (document.querySelector(selector) as Element).getBoundingClientRect();
      const back = (selector: string) => getComputedStyle(document.querySelector(selector) as Element).backgroundColor;
      return { verdict: of("#verdict").bottom, figures: of(".now").bottom, first: of("#verdict").top <= of(".now").top, tinted: back("#verdict") !== back(".who") };
    });
    assert.ok(places.verdict <= height && places.figures <= height && places.first && places.tinted, JSON.stringify(places));
  }
});

for (const [what, script] of [
  ["an odd language", "Object.defineProperty(Navigator.prototype, 'language', { get: () => 'C' });"],
  ["no Intl", "delete globalThis.Intl;"],
  ["storage that throws", "Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied'); } });"],
  ["no ResizeObserver", "delete globalThis.ResizeObserver;"],
] as const) {
  test(`${what} changes nothing`, async () => {
    relay.answer = running;
    const { page, complaints } = await openPage();
    await page.addInitScript(script);
    await page.goto(`${relay.origin}/#token`);
    await sees(page, NUMBER, "14.8");
    assert.equal(await page.locator("#fault").isVisible(), false);
    assert.deepEqual(complaints, []);
  });
}

test("a browser that cannot draw the chart keeps the figures, and says so", async () => {
  relay.answer = running;
  const { page } = await openPage();
  await page.addInitScript("Document.prototype.createElementNS = () => { throw new Error('no SVG'); };");
  await page.goto(`${relay.origin}/#token`);
  await sees(page, "#fault", /cannot draw the chart/);
  await sees(page, NUMBER, "14.8");
});

test("a page that fails at its start says so", async () => {
  const { page } = await openPage();
  await page.addInitScript("Object.defineProperty(window, 'setInterval', { value() { throw new Error('no'); } }); Document.prototype.addEventListener = () => { throw new Error('no'); };");
  await page.goto(`${relay.origin}/#token`);
  await page.waitForSelector("#not-started.certain");
  assert.equal(await page.locator("#not-started").isVisible(), true);
});

test("something that throws later is told, and the figures go on", async () => {
  const page = await openLine(running);
  await sees(page, NUMBER, "14.8");
  await page.evaluate(() => void setTimeout(() => { throw new Error("later"); }));
  await sees(page, "#fault", /went wrong/);
  assert.equal((await figures(page)).down, "14.8 Mbps");
});

test("WebSockets that throw give way to server-sent events", async () => {
  relay.answer = running;
  const { page } = await openPage();
  await page.addInitScript("window.WebSocket = function () { throw new Error('blocked'); };");
  await page.goto(`${relay.origin}/#e30.${Buffer.from('{"sub":"ali"}').toString("base64url")}.x`);
  await sees(page, NUMBER, "14.8", 20_000);
});

test("without its style sheet the page still tells", async () => {
  relay.answer = running;
  const { page } = await openPage();
  await page.route("**/*.css", (route) => route.abort());
  await page.goto(`${relay.origin}/#token`);
  await sees(page, NUMBER, "14.8");
  await sees(page, "#pill-text", "Running");
  assert.equal(await page.locator(".chart .line").first().getAttribute("fill"), "none");
});
