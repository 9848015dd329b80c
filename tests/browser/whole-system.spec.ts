// The page with the whole system behind: a subscriber sees the simulated router's figures.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { eventually, figures, launch, newPage, picture, sees, type Theme, violations } from "./chromium.ts";
import { startSystem, type System } from "./demo.ts";
import { EVENT_STREAM, FakeRelay, type Frame } from "./fake-relay.ts";
import { Portal } from "./portal.ts";
import { departures } from "./wire.ts";

/** The pill of a line with figures, busy or idle. */
const RUNS = /^(Running|Full|Full at times)$/;

let browser: Browser;
let system: System;

before(async () => {
  [browser, system] = await Promise.all([launch(), startSystem("concentrator")]);
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

async function shows(page: Page, down: string, up: string, within = 10_000): Promise<void> {
  const same = async (): Promise<boolean> => {
    const now = await figures(page);
    return now.down === down && now.up === up;
  };
  await eventually(`figures ${down} and ${up}`, same, within).catch(async (error: Error) => {
    throw new Error(`${error.message}; they are ${JSON.stringify(await figures(page))}`);
  });
}

test("the figures are the router's, within two seconds of opening the link", async () => {
  await system.router("rate alice 14780000 620000");
  const { page, complaints, close } = await newPage(browser);
  const opened = Date.now();
  await page.goto(system.link("alice"));
  await shows(page, "14.8 Mbps", "0.62 Mbps");
  console.log(`first figure after ${Date.now() - opened} ms, the line not watched before`);
  await sees(page, "#pill-text", "Running");
  await sees(page, "#name", "Protea Motors");
  await system.router("rate alice 1234567890 2500000");
  await shows(page, "1235 Mbps", "2.50 Mbps");
  assert.deepEqual(complaints, []);
  await close();
});

test("a home router's figures are the right way round", async () => {
  const home = await startSystem("customer");
  try {
    await home.router("rate alice 14780000 620000");
    const { page, close } = await newPage(browser, { width: 390 });
    await page.goto(home.link("alice"));
    await shows(page, "14.8 Mbps", "0.62 Mbps");
    await close();
  } finally {
    await home.stop();
  }
});

for (const theme of ["light", "dark"] as Theme[]) {
  for (const width of [390, 1280]) {
    test(`a picture at ${width} px, ${theme}`, async () => {
      await system.router("person ali video");
      const { page, complaints, close } = await newPage(browser, { width, theme });
      await page.goto(system.link("ali"));
      await sees(page, "#pill-text", RUNS);
      await eventually("figures", async () => /\d/.test((await figures(page)).down));
      await picture(page, `live-${width}-${theme}`);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(overflow, 0);
      assert.deepEqual(await violations(page), []);
      assert.deepEqual(complaints, []);
      await close();
    });
  }
}

test("a session that drops and returns: offline, then running, without a reload", async () => {
  await system.router("rate Bob 8000000 800000");
  const { page, close } = await newPage(browser, { width: 390 });
  await page.goto(system.link("Bob"));
  await shows(page, "8.00 Mbps", "0.80 Mbps");
  await page.evaluate(() => Object.assign(window, { sameDocument: true }));
  await system.router("down Bob");
  await sees(page, "#pill-text", "Not connected", 3_000);
  assert.doesNotMatch((await figures(page)).down, /\d/, "a figure is shown of a line that is offline");
  await picture(page, "live-offline");
  await system.router("up Bob");
  await shows(page, "8.00 Mbps", "0.80 Mbps", 3_000);
  assert.ok(await page.evaluate(() => "sameDocument" in window));
  await close();
});

test("the router's API, then the browser's network, are cut: each is named and comes back", async () => {
  await system.router("rate support-desk 3000000 300000");
  const { page, context, close } = await newPage(browser);
  await page.goto(system.link("support-desk"));
  await shows(page, "3.00 Mbps", "0.30 Mbps");
  await system.router("refuse on");
  await system.router("drop");
  await sees(page, "#title", /cannot see your router/i, 30_000);
  assert.doesNotMatch((await figures(page)).down, /\d/);
  await picture(page, "live-unreachable");
  await system.router("refuse off");
  await shows(page, "3.00 Mbps", "0.30 Mbps", 60_000);
  await context.setOffline(true);
  await sees(page, "#title", /lost its connection|offline|no internet|no network/i, 40_000);
  await picture(page, "live-browser-offline");
  await context.setOffline(false);
  await shows(page, "3.00 Mbps", "0.30 Mbps", 40_000);
  await close();
});

test("usernames with any bytes open from their links", async () => {
  for (const { username, customer, url } of system.links) {
    const { page, complaints, close } = await newPage(browser);
    await page.goto(url);
    await sees(page, "#name", customer);
    await sees(page, "#pill-text", RUNS);
    assert.deepEqual(complaints, [], username);
    await close();
  }
});

test("a link that somebody changed opens nothing and says what to do", async () => {
  const { page, close } = await newPage(browser, { width: 390 });
  // One letter of the signature is another one; letters behind it are taken for a mail program's.
  await page.goto(system.link("alice").replace(/.(?=.{8}$)/, (letter) => (letter === "x" ? "y" : "x")));
  await sees(page, "#detail", /ask your provider/i);
  assert.doesNotMatch((await figures(page)).down, /\d/);
  await picture(page, "live-refused");
  await close();
});

test("a portal's page shows a line by link and by name, in access by username", async () => {
  const portal = await Portal.start();
  const open = await startSystem("concentrator", ["--access=open", `--embed-origin=${portal.origin}`]);
  try {
    await open.router("rate alice 14780000 620000");
    const { origin, hash } = new URL(open.link("alice"));
    portal.body = `<script async src="${origin}/embed.js"></script>
      <linelight-line token="${hash.slice(1)}"></linelight-line><linelight-line username="alice"></linelight-line>`;
    const { page, complaints, close } = await newPage(browser, { width: 390 });
    await page.goto(portal.origin);
    await eventually("both frames show the router's figures", async () => {
      const frames = page.frames().filter((frame) => frame.url().startsWith(`${origin}/embed`));
      const figures = await Promise.all(frames.map((frame) => frame.locator(".figure p").allTextContents()));
      const shown = figures.map((texts) => texts.map((text) => text.replace(/\s+/g, " ").trim()).join());
      return shown.join("; ") === "14.8 Mbps,0.62 Mbps; 14.8 Mbps,0.62 Mbps";
    });
    await picture(page, "live-portal");
    assert.equal(complaints.join(), "");
    await page.goto(portal.otherOrigin);
    await eventually("another origin may not frame it", () => complaints.filter((text) => text.includes("frame-ancestors")).length >= 2);
    await close();
  } finally {
    await open.stop();
    await portal.stop();
  }
});

test("the scripted relay of the other specs answers as the real one does", async () => {
  const scripted = await FakeRelay.start();
  scripted.answer = (viewer, watch) => {
    if (watch["authorization"] === "Bearer no.such.link") viewer.close(4102, "link_refused");
  };
  const { origin, hash } = new URL(system.link("alice"));
  const ask = (relay: string, path: string, token: string): Promise<Response> =>
    fetch(relay + path, { headers: { authorization: `Bearer ${token}` } });
  const events = "/api/v1/lines/alice/live";
  for (const path of ["/", "/embed", "/embed.js", events]) {
    const [real, fake] = await Promise.all([origin, scripted.origin].map((relay) => ask(relay, path, "no.such.link")));
    assert.equal(fake?.status, real?.status, path);
    const headers = path !== events ? ["content-type", "content-security-policy", "cross-origin-resource-policy", "x-content-type-options"] : ["content-type", "cache-control"];
    for (const header of headers) assert.equal(fake?.headers.get(header), real?.headers.get(header), header);
    if (path === events) assert.deepEqual(await fake?.json(), await real?.json());
  }
  const { headers, body } = await ask(origin, events, hash.slice(1));
  for (const [header, value] of Object.entries(EVENT_STREAM)) assert.equal(headers.get(header), value, header);
  const { value } = (await body?.getReader().read()) ?? {};
  const [, name, frame] = /^event: (\w+)\ndata: (.*)\n\n/.exec(new TextDecoder().decode(value)) ?? [];
  assert.equal(name, "snapshot");
  assert.deepEqual(departures(JSON.parse(frame ?? "") as Frame), []);
  await scripted.stop();
});
