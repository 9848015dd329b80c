// The page of a relay in a folder of a site: every request of the page stays in the folder.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { NUMBER, sees } from "./chromium.ts";
import { running, snapshot } from "./fake-relay.ts";
import { openPage, relay } from "./relay-and-pages.ts";

beforeEach(() => {
  // Outside of the folder this relay answers 404, like a proxy with another site.
  relay.provider = { ...relay.provider, base: "/speed" };
  relay.answer = running;
});

test("a link, a name and a page without a link, all in a folder", async () => {
  const { page, complaints } = await openPage();
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`${relay.origin}/speed/#a.b.c`);
  await sees(page, NUMBER, "14.8");
  await page.goto(`${relay.origin}/speed/line/4446%40karoo.example`);
  await sees(page, NUMBER, "14.8");
  await page.goto(`${relay.origin}/speed/`);
  await sees(page, "#title", /link/);
  assert.deepEqual(relay.watches, [{ type: "watch", token: "a.b.c" }, { type: "watch", username: "4446@karoo.example" }]);
  assert.ok(asked.length >= 6 && asked.every((path) => path.startsWith("/speed/")), asked.join(" "));
  assert.deepEqual(complaints, []);
});

test("a printed page names the folder, and no token", async () => {
  const { page } = await openPage();
  await page.goto(`${relay.origin}/speed/#a.b.c`);
  await sees(page, NUMBER, "14.8");
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  assert.equal(page.url(), `${relay.origin}/speed/`);
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  assert.equal(page.url(), `${relay.origin}/speed/#a.b.c`);
});

test("server-sent events, where WebSockets are blocked, in a folder", async () => {
  relay.refusesWebSockets = true;
  relay.answer = (viewer) => viewer.send(snapshot());
  const { page } = await openPage();
  await page.goto(`${relay.origin}/speed/line/ali`);
  await sees(page, "#pill-text", "Running", 30_000);
  assert.deepEqual(relay.watches.map(({ type, username }) => ({ type, username })), [{ type: "events", username: "ali" }]);
});

test("the manifest and its icons, in a folder", async () => {
  const { page } = await openPage();
  await page.goto(`${relay.origin}/speed/`);
  const found = await page.evaluate(async () => {
    const link = document.querySelector<HTMLLinkElement>("link[rel=manifest]");
    const manifest = (await (await fetch(link?.href ?? "")).json()) as { icons: { src: string }[] };
    return manifest.icons.map(({ src }) => new URL(src, link?.href).pathname);
  });
  assert.equal(found.length, 2);
  for (const path of found) assert.equal((await page.request.get(relay.origin + path)).status(), 200, path);
});
