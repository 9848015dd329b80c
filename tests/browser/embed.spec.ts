// The widget in a portal's page, which is of another origin: what a reader sees in it, who may frame it, and what passes between
// the two.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Frame as BrowserFrame, Page } from "playwright-core";
import { drawn, eventually, type Opened, picture, type Theme, violations } from "./chromium.ts";
import { EXACT, type Frame, history, people, running, sample, snapshot, state } from "./fake-relay.ts";
import { Portal } from "./portal.ts";
import { openPage, relay } from "./relay-and-pages.ts";

/** A frame's size and the reader's theme. */
interface Size {
  width: number;
  height: number;
  theme?: Theme;
}

const USUAL: Size = { width: 360, height: 220 };

let portal: Portal;
beforeEach(async () => {
  portal = await Portal.start();
  relay.answer = running;
  relay.provider = { ...relay.provider, origins: portal.origin };
});
afterEach(() => portal.stop());

/** Opens the portal with a frame of this size at an address of the relay. */
async function openFrame(address: string, { width, height, theme = "light" }: Size = USUAL): Promise<Opened> {
  portal.body = `<body style="margin:0"><iframe src="${relay.origin}${address}" style="display:block;border:0;width:${width}px;height:${height}px"></iframe>`;
  return openPortal({ width, height, theme });
}

/** Opens the portal with the relay's element. */
async function openElement(attributes: string, style = "width:360px"): Promise<Opened> {
  portal.body = `<body style="margin:0"><script async src="${relay.origin}/embed.js"></script><linelight-line ${attributes} style="${style}"></linelight-line>`;
  return openPortal({ ...USUAL, height: 700 });
}

async function openPortal({ width, height, theme = "light" }: Size): Promise<Opened> {
  const opened = await openPage({ width, height, theme });
  await opened.page.goto(portal.origin);
  return opened;
}

/** The widget within a portal's page. */
async function widget(page: Page): Promise<BrowserFrame> {
  let found: BrowserFrame | undefined;
  await eventually("the portal has a frame of the relay", () => {
    found = page.frames().find((frame) => frame.url().startsWith(`${relay.origin}/`));
    return found !== undefined;
  });
  return found as BrowserFrame;
}

/** What a reader sees of an element: its text, or nothing. */
function textOf(frame: BrowserFrame, selector: string): Promise<string> {
  return frame.evaluate((wanted) => {
    const element = document.querySelector<HTMLElement>(wanted);
    const isSeen = element !== null && element.getClientRects().length > 0;
    return isSeen ? (element.textContent ?? "").replace(/\s+/g, " ").trim() : "";
  }, selector);
}

async function says(frame: BrowserFrame, selector: string, text: string | RegExp): Promise<void> {
  let last = "";
  const matches = async (): Promise<boolean> => {
    last = await textOf(frame, selector);
    return typeof text === "string" ? last === text : text.test(last);
  };
  await eventually(`${selector} says ${String(text)}`, matches).catch((error: Error) => {
    throw new Error(`${error.message}; it says "${last}"`);
  });
}

async function seesFigures(frame: BrowserFrame, down: string, up: string): Promise<void> {
  await says(frame, ".figure[data-direction=down] p", down);
  await says(frame, ".figure[data-direction=up] p", up);
}

/** The elements with text that is cut off, or that reaches beyond the frame. */
function cutOff(frame: BrowserFrame): Promise<string[]> {
  return frame.evaluate(() => {
    const box = document.documentElement.getBoundingClientRect();
    const wrong: string[] = [];
    for (const element of document.querySelectorAll<HTMLElement>("main p, main h2, main b, main span, .chart .grid text")) {
      if (element.getClientRects().length === 0 || element.id === "not-started" || element.textContent === "") continue;
      const { left, right, top, bottom } = element.getBoundingClientRect();
      const isOut = left < -1 || top < -1 || right > innerWidth + 1 || bottom > innerHeight + 1;
      const isCut = element instanceof HTMLElement && (element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1);
      const hides = element instanceof HTMLElement && getComputedStyle(element).overflowX === "hidden";
      if (isOut || (hides && isCut)) wrong.push(`${element.tagName} ${element.id} "${element.textContent}"`);
    }
    if (box.width > innerWidth) wrong.push(`the widget is ${box.width} px wide`);
    return wrong;
  });
}

/** Labels of the charts' axes that overlap each other. */
function overlapping(frame: BrowserFrame): Promise<string[]> {
  return frame.evaluate(() => {
    const boxes = [...document.querySelectorAll(".chart .grid text:not(.plan-name)")].map((text) => [text.textContent ?? "", text.getBoundingClientRect()] as const);
    return boxes.flatMap(([one, a], i) =>
      boxes.slice(i + 1).flatMap(([other, b]) => (a.top + 3 < b.bottom && b.top + 3 < a.bottom && a.left < b.right && b.left < a.right ? [`${one} and ${other}`] : [])),
    );
  });
}

/** The state that a test shows in each size. */
const STATES: Record<string, { frames: () => Frame[]; pill: string; close?: [number, string] }> = {
  running: { pill: "Running", frames: () => [snapshot({ history: history(70, Date.now() - 1_000, people) }), sample(Date.now(), EXACT)] },
  full: { pill: "Full", frames: () => [snapshot({ history: history(60, Date.now(), () => ({ down: 49.2e6, up: 1.1e6 })) })] },
  "no plan": { pill: "Running", frames: () => [snapshot({ plan: { down: null, up: null }, history: history(30, Date.now(), () => ({ down: 1_234_567_890, up: 995_000_000 })) })] },
  bursts: { pill: "Full at times", frames: () => [snapshot({ history: history(60, Date.now(), (age) => ({ down: age % 9 < 3 ? 49e6 : 2e6, up: 1e5 })) })] },
  offline: { pill: "Not connected", frames: () => [snapshot({ state: "offline", since: Date.now() - 7_200_000 })] },
  unreachable: { pill: "Out of sight", frames: () => [snapshot({ state: "unreachable", since: Date.now() - 60_000 })] },
  "no figures": { pill: "No figures", frames: () => [snapshot(), state("stalled")] },
  "expired link": { pill: "Link expired", frames: () => [], close: [4103, "link_expired"] },
  "refused link": { pill: "Link not valid", frames: () => [], close: [4102, "link_refused"] },
};

const SIZES: Size[] = [
  USUAL,
  { ...USUAL, theme: "dark" },
  { width: 240, height: 220 },
  { width: 220, height: 150, theme: "dark" },
  { width: 240, height: 150 },
  { width: 720, height: 300 },
];

for (const [name, { frames, pill, close }] of Object.entries(STATES)) {
  for (const size of SIZES) {
    const { width, height, theme = "light" } = size;
    test(`${name} at ${width} by ${height}, ${theme}`, async () => {
      relay.answer = (viewer) => {
        for (const frame of frames()) viewer.send(frame);
        if (close !== undefined) viewer.close(...close);
      };
      const { page, complaints } = await openFrame("/embed#token", size);
      const frame = await widget(page);
      await says(frame, "#pill", pill);
      await drawn(page);
      await picture(page, `embed-${name.replace(" ", "-")}-${width}x${height}-${theme}`);
      assert.deepEqual(await cutOff(frame), []);
      assert.deepEqual(await overlapping(frame), []);
      assert.deepEqual(await violations(frame), []);
      assert.deepEqual(complaints, []);
    });
  }
}

test("a link's widget is live, and keeps nothing in the browser", async () => {
  const { page, context, complaints } = await openFrame("/embed#a.b.c");
  const frame = await widget(page);
  await seesFigures(frame, "14.8 Mbps", "0.62 Mbps");
  assert.deepEqual(relay.watches, [{ type: "watch", token: "a.b.c" }]);
  relay.send(sample(Date.now() + 1, { down: 2_000_000, up: 1_000_000 }));
  await seesFigures(frame, "2.00 Mbps", "1.00 Mbps");
  relay.send(state("offline", { since: Date.now() }));
  await says(frame, "#title", /^Your router is not connected to us since/);
  await seesFigures(frame, "–", "–");
  assert.deepEqual(await context.cookies(), []);
  assert.deepEqual(await frame.evaluate(() => [localStorage.length, sessionStorage.length]), [0, 0]);
  assert.deepEqual(complaints, []);
});

test("a username opens its line, whatever its characters", async () => {
  const names = ["ali", "4446@karoo.example", "a/b c%25", "<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "\u202eevil", "ü".repeat(60)];
  for (const name of names) {
    relay.watches.length = 0;
    relay.answer = (viewer, watch) => viewer.send(snapshot({ username: String(watch["username"]), display: String(watch["username"]), customer: null }));
    const { page, complaints } = await openElement("");
    await page.evaluate((username) => document.querySelector("linelight-line")?.setAttribute("username", username), name);
    await eventually(`the widget watches ${name}`, () => relay.watches.at(-1)?.["username"] === name);
    const frame = await widget(page);
    await says(frame, "#pill", "Running");
    assert.equal(await frame.evaluate(() => document.images.length), 0);
    assert.deepEqual(complaints, [], name);
  }
});

test("a portal that is not named, and a page around the portal, may not frame it", async () => {
  const blocked = async (address: string, body?: string): Promise<void> => {
    relay.watches.length = 0;
    portal.body = body ?? `<iframe src="${relay.origin}/embed#token"></iframe>`;
    const { page, complaints } = await openPage();
    await page.goto(address);
    await eventually("the browser refuses the frame", () => complaints.some((text) => text.includes("frame-ancestors")));
    assert.deepEqual(relay.watches, [], "nothing was asked for the frame");
  };
  await blocked(portal.otherOrigin);
  relay.provider = { ...relay.provider, origins: "" };
  await blocked(portal.origin);
  relay.provider = { ...relay.provider, origins: portal.origin };
  await blocked(portal.origin, `<iframe src="${relay.origin}/line/ali"></iframe>`);
});

test("the element makes the frame, and gives it the height that the widget asks for", async () => {
  portal.policy = `script-src 'unsafe-inline' ${relay.origin}; frame-src ${relay.origin}`;
  const { page, complaints } = await openElement('token="a.b.c" theme="dark" accent="b4a7ff"');
  const frame = await widget(page);
  await seesFigures(frame, "14.8 Mbps", "0.62 Mbps");
  assert.equal(frame.url(), `${relay.origin}/embed?theme=dark&accent=b4a7ff#a.b.c`);
  const border = (): Promise<string> => page.evaluate(() => getComputedStyle(document.querySelector("iframe") as Element).borderTopWidth);
  assert.equal(await border(), "0px");
  await page.addStyleTag({ content: "linelight-line iframe { border: 1px solid }" });
  assert.equal(await border(), "1px", "a border is the portal's");
  const height = (): Promise<number> => page.evaluate(() => document.querySelector("iframe")?.clientHeight ?? 0);
  await eventually("the frame is as high as usual", async () => (await height()) === 220);
  // Larger letters need a higher frame.
  await frame.evaluate(() => document.documentElement.style.setProperty("font-size", "20px"));
  relay.send(sample(Date.now() + 1, EXACT));
  await eventually("the frame grew", async () => (await height()) > 300);
  assert.deepEqual(await cutOff(frame), []);
  const heard = await page.evaluate(() => (window as unknown as { heard: unknown[] }).heard);
  assert.ok(heard.length >= 2 && heard.every((message) => /^\["http:\/\/127[^"]*",\{"linelight":"room","height":\d+\}\]$/.test(JSON.stringify(message))), JSON.stringify(heard));
  await page.evaluate(() => document.querySelector("linelight-line")?.setAttribute("token", "d.e.f"));
  await eventually("it watches the other token", () => relay.watches.at(-1)?.["token"] === "d.e.f");
  await page.evaluate(() => document.querySelector("linelight-line")?.remove());
  await eventually("it has let go", () => relay.viewers === 0);
  assert.deepEqual(complaints, []);
});

test("an element with a height keeps it, and two elements have a frame each", async () => {
  const { page } = await openElement('token="a.b.c" height="160"');
  await page.evaluate(() => document.body.insertAdjacentHTML("beforeend", '<linelight-line username="ali" title="The other line"></linelight-line>'));
  await eventually("two watches", () => relay.watches.length === 2);
  await eventually("heights", async () => {
    const frames = await page.evaluate(() => [...document.querySelectorAll("iframe")].map((frame) => [frame.offsetHeight, frame.title]));
    return JSON.stringify(frames) === JSON.stringify([[160, "Your line right now"], [220, "The other line"]]);
  });
});

test("messages of other windows and origins change nothing, and get no answer", async () => {
  const { page } = await openElement('token="a.b.c"');
  const frame = await widget(page);
  await seesFigures(frame, "14.8 Mbps", "0.62 Mbps");
  const height = (): Promise<number> => page.evaluate(() => document.querySelector("iframe")?.clientHeight ?? 0);
  // The portal's own window is of the wrong source; a frame of the portal asks the widget without being its parent.
  await page.evaluate(() => {
    window.postMessage({ linelight: "room", height: 555 }, "*");
    for (const data of [null, "room", 7, { linelight: "other" }]) document.querySelector("iframe")?.contentWindow?.postMessage(data, "*");
    const stranger = document.createElement("iframe");
    stranger.srcdoc = `<script>
      addEventListener("message", () => { parent.strangerHeard = true; });
      parent.frames[0].postMessage({ linelight: "room" }, "*");
      parent.postMessage({ linelight: "room", height: 555 }, "*");
      parent.strangerAsked = true;
    </script>`;
    document.body.append(stranger);
  });
  await eventually("the stranger asked", () => page.evaluate(() => "strangerAsked" in window));
  // Messages are delivered in order: this answer comes behind the others.
  await frame.evaluate(() => document.documentElement.style.setProperty("font-size", "20px"));
  relay.send(sample(Date.now() + 1, EXACT));
  await eventually("the frame grew as the widget asked", async () => (await height()) > 300 && (await height()) !== 555);
  assert.equal(await page.evaluate(() => "strangerHeard" in window), false);
});

test("a portal's colours are taken where text stays legible, and not otherwise", async () => {
  const cases: [query: string, back: string, down: string][] = [
    ["theme=light", "rgb(255, 255, 255)", "rgb(11, 122, 67)"],
    ["theme=dark", "rgb(23, 28, 36)", "rgb(62, 207, 131)"],
    ["theme=light&back=fffdf8", "rgb(255, 253, 248)", "rgb(11, 122, 67)"],
    ["theme=dark&back=10305a", "rgb(16, 48, 90)", "rgb(62, 207, 131)"],
    ["theme=light&back=10305a", "rgb(255, 255, 255)", "rgb(11, 122, 67)"],
    ["theme=light&back=888888", "rgb(255, 255, 255)", "rgb(11, 122, 67)"],
    ["theme=light&accent=1d5fd1", "rgb(255, 255, 255)", "rgb(29, 95, 209)"],
    ["theme=light&accent=ffee00", "rgb(255, 255, 255)", "rgb(11, 122, 67)"],
    ["theme=dark&accent=ffee00&back=red", "rgb(23, 28, 36)", "rgb(255, 238, 0)"],
    ["theme=night&accent=%22%3E%3Cscript%3E&back=url(//evil.example)", "rgb(255, 255, 255)", "rgb(11, 122, 67)"],
  ];
  for (const [query, back, down] of cases) {
    const { page, complaints, close } = await openFrame(`/embed?${query}#token`);
    const frame = await widget(page);
    await says(frame, "#pill", "Running");
    const seen = await frame.evaluate(() => {
      const of = (element: Element | null): CSSStyleDeclaration => getComputedStyle(element as Element);
      return [of(document.documentElement).backgroundColor, of(document.querySelector(".figure[data-direction=down] p")).color];
    });
    assert.deepEqual(seen, [back, down], query);
    assert.deepEqual(await violations(frame), [], query);
    assert.deepEqual(complaints, [], query);
    await close();
  }
});

test("without a theme the widget follows the reader's, also when it changes", async () => {
  const { page } = await openFrame("/embed#token", { ...USUAL, theme: "dark" });
  const frame = await widget(page);
  const back = (): Promise<string> => frame.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await eventually("it is dark", async () => (await back()) === "rgb(23, 28, 36)");
  await page.emulateMedia({ colorScheme: "light" });
  await eventually("it is light", async () => (await back()) === "rgb(255, 255, 255)");
});

test("in a folder, the element and the widget stay in it", async () => {
  relay.provider = { ...relay.provider, base: "/speed" };
  portal.body = `<script src="${relay.origin}/speed/embed.js"></script><linelight-line username="ali"></linelight-line>`;
  const { page, complaints } = await openPortal(USUAL);
  await eventually("it watches", () => relay.watches.at(-1)?.["username"] === "ali");
  assert.ok((await widget(page)).url().startsWith(`${relay.origin}/speed/embed/ali`));
  assert.deepEqual(complaints, []);
});
