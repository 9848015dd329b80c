// The ways through the console: from sign-in to a sent link by keyboard alone, search while one types, links and their end,
// sign-in with all its steps, and what goes wrong meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { eventually, sees, setVisible, type View } from "./chromium.ts";
import { FakeConsole, problem } from "./fake-console.ts";
import { openPage, relay } from "./relay-and-pages.ts";

const LINE = "/console/lines/4446%40karoo.example";

async function start(path: string, prepare: (console: FakeConsole) => void = () => undefined, view: View = {}): Promise<{ page: Page; console: FakeConsole; complaints: string[] }> {
  const console = new FakeConsole(relay);
  console.signedIn = true;
  prepare(console);
  const { page, complaints } = await openPage(view);
  await page.goto(relay.origin + path);
  return { page, console, complaints };
}

const focused = (page: Page): Promise<string> => page.evaluate(() => (document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "").trim() || document.activeElement?.tagName || "");
const path = (page: Page): string => new URL(page.url()).pathname + new URL(page.url()).search + new URL(page.url()).hash;

/** Presses Tab until the focus is on something of this name. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let i = 0; i < 40; i += 1) {
    await page.keyboard.press("Tab");
    if ((await focused(page)) === name) return;
  }
  assert.fail(`no Tab leads to ${name}`);
}

test("from sign-in to a sent link by keyboard alone", async () => {
  const { page, console, complaints } = await start("/console", (console) => (console.signedIn = false));
  await sees(page, "h1", "Sign in");
  await page.keyboard.type("naledi");
  await page.keyboard.press("Tab");
  await page.keyboard.type("correct horse");
  await page.keyboard.press("Enter");
  await sees(page, ".told span", "The lines that you opened last");
  await page.keyboard.type("nko");
  await sees(page, ".told span", /^1 of/);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await sees(page, "#title", /^Your line is full/);
  await sees(page, "h1", "Nkosi household");
  assert.equal(path(page), `${LINE}?q=nko`);
  await tabTo(page, "WhatsApp");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Send by WhatsApp" }).waitFor();
  assert.equal(await focused(page), "Open WhatsApp");
  const text = new URL((await page.getByRole("link", { name: "Open WhatsApp" }).getAttribute("href")) ?? "").searchParams.get("text");
  assert.match(text ?? "", /^Karoo Wireless: see your line live\.\nhttp.*#eyJ/);
  await page.keyboard.press("Escape");
  await eventually("the dialog is closed", async () => (await page.locator("dialog").count()) === 0);
  assert.equal(await focused(page), "WhatsApp", "the focus is back where it was");
  assert.deepEqual(console.requests("POST lines/")[0]?.body, { kind: "support" });
  assert.deepEqual(complaints.filter((text) => !/status of 401/.test(text)), []);
});

test("the search answers while one types, and a stale answer never shows", async () => {
  const { page, console } = await start("/console");
  await sees(page, ".told span", "The lines that you opened last");
  let release: () => void = () => undefined;
  console.held.set("lines?q=pan&", new Promise((done) => (release = done)));
  await page.keyboard.type("pan");
  await eventually("the first question came", () => console.requests("GET lines?q=pan").length > 0);
  await page.keyboard.type("x");
  await sees(page, ".nothing b", "No line matches “panx”.");
  release();
  await page.keyboard.press("Backspace");
  console.held.clear();
  await sees(page, ".row-name", "Panadería El Trébol");
  assert.equal(await page.locator(".row mark").first().textContent(), "Pan");
  assert.equal(path(page), "/console/lines?q=pan");
});

test("letters typed quickly are one question", async () => {
  const { page, console } = await start("/console");
  await sees(page, ".told span", "The lines that you opened last");
  await page.keyboard.type("444", { delay: 20 });
  await sees(page, ".told span", /^5 of/);
  assert.deepEqual(console.requests("GET lines?q=").map(({ path }) => path).filter((path) => !path.includes("q=444&")), []);
});

test("what matched is named where the row would not show it", async () => {
  const { page } = await start("/console/lines?q=KW-20444");
  await sees(page, ".row .row-sub:last-child", "Account KW-20444");
});

test("a slash goes to the search, but not while one writes", async () => {
  const { page } = await start(LINE);
  await sees(page, "#title", /^Your line is full/);
  await page.locator("h1").focus();
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "search");
  await page.keyboard.type("a/b");
  assert.equal(await page.locator("#search").inputValue(), "a/b");
});

test("the open line stays while results change, and Back goes to the one before", async () => {
  const { page } = await start("/console/lines?q=444");
  await page.getByRole("option", { name: /Nkosi/ }).click();
  await sees(page, "h1", "Nkosi household");
  await page.locator("#search").fill("warung");
  await sees(page, ".told span", /^1 of/);
  await sees(page, "h1", "Nkosi household");
  await page.getByRole("option", { name: /Warung/ }).click();
  await sees(page, "h1", "Warung Bu Sari");
  await page.goBack();
  await sees(page, "h1", "Nkosi household");
});

test("the customer's sentence and figures are live, and of the open line alone", async () => {
  const { page } = await start(LINE);
  await sees(page, ".readout[data-direction=down] .number", "18.9");
  await page.goto(`${relay.origin}/console/lines/sari.warung`);
  await sees(page, "h1", "Warung Bu Sari");
  await sees(page, "#title", /room to spare|busy/);
  assert.deepEqual(relay.watches.map(({ username }) => username), ["4446@karoo.example", "sari.warung"]);
  await eventually("the first stream ended", () => relay.viewers === 1);
});

test("a line that is not live opens at two hours, and the next one at the reader's own choice", async () => {
  const { page } = await start("/console/lines/4449%40karoo.example?q=444");
  await sees(page, "#pill-text", "Not connected");
  await sees(page, "#window [aria-pressed=true]", "2 h");
  await page.getByRole("option", { name: /Nkosi/ }).click();
  await sees(page, "#window [aria-pressed=true]", "1 min");
});

test("a link is copied, for a year where one wants it", async () => {
  const { page, console } = await start(LINE);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await sees(page, "#title", /^Your line is full/);
  await page.getByRole("button", { name: "1 year" }).click();
  await page.getByRole("button", { name: "Copy link" }).click();
  await sees(page, ".toast", /^Link copied\. It works until /);
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /#eyJ/);
  assert.deepEqual(console.requests("POST lines/")[0]?.body, { kind: "personal" });
});

test("a browser that does not copy shows the link, chosen", async () => {
  relay.prelude = "Object.defineProperty(navigator, 'clipboard', { value: undefined });";
  const { page } = await start(LINE);
  await sees(page, "#title", /^Your line is full/);
  await page.getByRole("button", { name: "Copy link" }).click();
  await page.getByRole("dialog", { name: "Copy this link" }).waitFor();
  assert.match(await page.evaluate(() => String(getSelection())), /#eyJ/);
});

test("the QR code comes with a code of eight digits that counts down", async () => {
  const { page } = await start(LINE);
  await sees(page, "#title", /^Your line is full/);
  await page.getByRole("button", { name: "QR and code" }).click();
  await sees(page, ".code", "4827 1930");
  await sees(page, "dialog .soft", /^It works once, for (10:00|9:5\d) more\.$/);
  assert.ok(await page.locator(".qr").evaluate((found) => (found as HTMLImageElement).naturalWidth > 0), "the picture is drawn");
});

test("ending all older links asks once more, with the focus on the button that does not", async () => {
  const { page, console } = await start(LINE);
  await sees(page, "#title", /^Your line is full/);
  await page.getByRole("button", { name: "Make all older links void" }).click();
  assert.equal(await focused(page), "Keep them");
  await page.keyboard.press("Enter");
  assert.equal(console.requests("POST lines/").length, 0);
  await page.getByRole("button", { name: "Make all older links void" }).click();
  await page.getByRole("button", { name: "Make them void" }).click();
  await sees(page, ".toast", "All older links are void.");
  await page.getByText(/^All links made before \d\d:\d\d are void\.$/).waitFor();
  assert.equal(console.requests("POST lines/4446%40karoo.example/void").length, 1);
});

test("a link that was made is in the list, and is revoked there", async () => {
  const { page, console } = await start(LINE);
  await sees(page, "#title", /^Your line is full/);
  await page.getByRole("button", { name: "Mail" }).click();
  assert.match((await page.getByRole("link", { name: "Open mail" }).getAttribute("href")) ?? "", /^mailto:\?body=Karoo/);
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: /^Revoke: Support link/ }).click();
  assert.equal(await focused(page), "Keep it");
  await page.getByRole("button", { name: "Revoke it" }).click();
  await page.getByText(/^Support link revoked/).waitFor();
  assert.equal(console.requests("POST lines/4446%40karoo.example/links/link-1/revoke").length, 1);
});

test("signed out meanwhile: it says so, and signing in leads back to the same line", async () => {
  const { page, console } = await start(`${LINE}?q=444`);
  await sees(page, "#title", /^Your line is full/);
  console.signedIn = false;
  await sees(page, ".notice b", /^You were signed out\./);
  assert.equal(path(page), `${LINE}?q=444`);
  await eventually("the stream ended", () => relay.viewers === 0);
  await page.getByLabel("Name", { exact: true }).fill("naledi");
  await page.getByLabel("Password", { exact: true }).fill("correct horse");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await sees(page, "#title", /^Your line is full/);
  assert.equal(await page.locator("#search").inputValue(), "444");
});

test("a single-use sign-in leaves the address at once, and works once", async () => {
  const { page, console } = await start("/console/sign-in#once-token", (console) => {
    console.signedIn = false;
    console.held.set("sign-in/once", new Promise((done) => setTimeout(done, 300)));
  });
  await eventually("the token is asked with", () => console.requests("POST sign-in/once").length === 1);
  assert.equal(path(page), "/console/sign-in", "before the answer came");
  await sees(page, ".told span", "The lines that you opened last");
  assert.equal(path(page), "/console/lines");
  await page.goto("about:blank");
  console.signedIn = false;
  await page.goto(`${relay.origin}/console/sign-in#used`);
  await sees(page, ".notice b", /has been used/);
  assert.equal(path(page), "/console/sign-in");
});

test("an invitation: the password is chosen, and too short a one is told", async () => {
  const { page } = await start("/console/invitation#invited", (console) => (console.signedIn = false));
  await sees(page, "h1", "Welcome, sipho");
  assert.equal(path(page), "/console/invitation");
  await page.keyboard.type("short");
  await page.keyboard.press("Enter");
  await sees(page, ".complaint b", /too short/);
  await page.getByLabel("Choose a password").fill("five words are a password");
  await page.keyboard.press("Enter");
  await sees(page, ".told span", "The lines that you opened last");
});

test("a second factor: the app's code, a wrong one, a recovery code", async () => {
  const { page } = await start("/console", (console) => {
    console.signedIn = false;
    console.totp = true;
  });
  await page.getByLabel("Name", { exact: true }).fill("naledi");
  await page.getByLabel("Password", { exact: true }).fill("correct horse");
  await page.keyboard.press("Enter");
  await sees(page, "h1", "Second step");
  await page.keyboard.type("000000");
  await page.keyboard.press("Enter");
  await sees(page, ".complaint b", "This code is wrong.");
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await page.keyboard.type("abcd-efgh");
  await page.keyboard.press("Enter");
  await sees(page, ".told span", "The lines that you opened last");
});

test("too many tries: the time is told, and the button comes back", async () => {
  const { page } = await start("/console", (console) => {
    console.signedIn = false;
    console.instead.set("POST sign-in", problem(429, "wait", "Too many tries.", { retry_after: 2 }));
  });
  await page.getByLabel("Name", { exact: true }).fill("naledi");
  await page.getByLabel("Password", { exact: true }).fill("x");
  await page.keyboard.press("Enter");
  await sees(page, ".complaint b", /^Too many tries\. Wait 0:0[12]/);
  assert.equal(await page.getByRole("button", { name: "Sign in", exact: true }).isDisabled(), true);
  await eventually("the button is back", async () => !(await page.getByRole("button", { name: "Sign in", exact: true }).isDisabled()));
});

test("no network: what is there stays, with since when it is old, and comes back", async () => {
  const { page } = await start(LINE);
  await page.getByRole("heading", { name: "Who watched" }).waitFor();
  relay.goAway();
  await sees(page, ".line-body .notice", /^No answer from the relay since \d\d:\d\d/, 20_000);
  assert.equal(await page.getByRole("heading", { name: "Who watched" }).isVisible(), true);
  await sees(page, "#pill-text", "Connection lost");
  relay.comeBack();
  await eventually("the notice is gone", async () => (await page.locator(".line-body .notice").count()) === 0, 20_000);
});

test("support sees no people, and is told where only an admin may", async () => {
  const { page } = await start("/console/people", (console) => (console.role = "support"));
  await sees(page, ".notice b", "Only an admin may do that. Ask one of yours.");
  assert.deepEqual(await page.getByRole("navigation").getByRole("link").allTextContents(), ["Lines", "Busiest", "Slow 22 open", "Routers 22 with a fault", "Audit"]);
  await page.goto(`${relay.origin}/console/routers`);
  await page.getByRole("heading", { name: "tower-dam" }).waitFor();
  assert.equal(await page.getByRole("button", { name: /Add a router|Manage/ }).count(), 0);
});

test("a store that takes no changes is told in words, and the line goes on", async () => {
  const { page } = await start(LINE, (console) => console.failStore());
  await sees(page, "#title", /^Your line is full/);
  for (const name of ["Copy link", "WhatsApp", "QR and code"]) {
    await page.getByRole("button", { name }).first().click();
    await sees(page, ".acts-told b", /does not take changes at the moment/);
  }
  assert.equal(await page.locator("dialog").count(), 0);
});

test("faults come first, with their count in the tab, on every section", async () => {
  const { page } = await start("/console/audit");
  await sees(page, "a[href$='/routers'] .count", "22 with a fault");
  await page.getByRole("link", { name: /^Routers/ }).click();
  await sees(page, ".head .soft", /^4 agents, 18,630.sessions\. 2 need you\.$/);
  assert.deepEqual((await page.locator(".row-head h2").allTextContents()).slice(0, 2), ["tower-dam", "tower-west"]);
});

test("a router is added: the script once, then the steps turn green one by one", async () => {
  const { page, console } = await start("/console/routers");
  await page.getByRole("button", { name: "Add a router" }).click();
  await page.getByLabel("Name", { exact: true }).fill("tower-klein");
  await page.getByLabel("Lines it may report").fill("*@karoo.example, ali");
  await page.getByLabel("Where the container lives").selectOption("disk");
  await page.getByLabel("The disk's name").fill("usb1");
  await page.keyboard.press("Enter");
  await sees(page, "pre", /# Linelight agent "tower-klein"/);
  assert.deepEqual(console.requests("POST routers")[0]?.body, { name: "tower-klein", patterns: ["*@karoo.example", "ali"], options: { relay_urls: [relay.origin.replace("http:", "wss:")], storage: "disk", disk: "usb1" } });
  for (const [step, text] of [["paste", "Agent heard waiting"], ["heard", "Router answers waiting"], ["router", "Sessions seen waiting"]] as const) {
    console.steps = { ...console.steps, [step]: true };
    await sees(page, ".steps [data-step=now]", text);
  }
  console.steps = { ...console.steps, sessions: true };
  await sees(page, ".sheet .notice b", "tower-klein is connected.");
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("heading", { name: "tower-klein" }).waitFor();
  assert.equal(await page.locator("pre").count(), 0, "the secret is gone");
});

test("revoking a router asks once more", async () => {
  const { page, console } = await start("/console/routers");
  await page.getByRole("button", { name: "Manage bogota-1" }).click();
  await page.getByRole("button", { name: "Revoke this agent" }).click();
  assert.equal(await focused(page), "Keep it");
  await page.getByRole("button", { name: "Revoke it" }).click();
  await sees(page, ".toast", "bogota-1 is revoked.");
  assert.equal(console.requests("POST routers/bogota-1/revoke").length, 1);
});

test("the wallboard shows itself old when nothing comes, and goes on by itself", async () => {
  const { page } = await start("/console/wall#wall-token", (console) => (console.signedIn = false), { width: 1920, height: 1080 });
  await page.locator(".cell").first().waitFor();
  assert.equal(await page.locator(".board.old").count(), 0);
  relay.goAway();
  await sees(page, ".lost", /^No connection since \d\d:\d\d\. What you see is of then/, 25_000);
  assert.match(await page.locator(".grid").evaluate((found) => getComputedStyle(found).filter), /grayscale/);
  relay.comeBack();
  await eventually("fresh again", async () => (await page.locator(".board.old").count()) === 0, 15_000);
});

test("people: an invitation is shown once, and a role is changed", async () => {
  const { page, console } = await start("/console/people");
  await page.getByLabel("Name", { exact: true }).fill("thandi");
  await page.keyboard.press("Enter");
  await sees(page, "dialog .address", /\/console\/invitation#invited$/);
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByLabel("Role of sipho").selectOption("admin");
  await sees(page, ".toast", "sipho is now Admin.");
  assert.deepEqual(console.requests("POST people/sipho/role")[0]?.body, { role: "admin" });
  await page.getByRole("button", { name: "Remove: sipho" }).click();
  assert.equal(await focused(page), "Keep");
});

test("the audit log's filters are in the address and in the CSV's", async () => {
  const { page } = await start("/console/audit?who=naledi");
  await page.locator(".audit tbody tr").first().waitFor();
  assert.equal(await page.getByLabel("Who", { exact: true }).inputValue(), "naledi");
  await page.getByLabel("What", { exact: true }).selectOption("watched");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await eventually("filtered", async () => (await page.locator(".audit tbody tr").count()) === 3);
  assert.equal(path(page), "/console/audit?who=naledi&what=watched");
  assert.match((await page.getByRole("link", { name: "Save as CSV" }).getAttribute("href")) ?? "", /audit\.csv\?who=naledi&what=watched$/);
  await page.getByRole("button", { name: "Older entries" }).click();
  await eventually("more rows", async () => (await page.locator(".audit tbody tr").count()) === 6);
});

test("one's own account: a wrong password is told, a second factor is set up", async () => {
  const { page } = await start("/console/account");
  await page.getByLabel("Present password").fill("wrong");
  await page.getByLabel("New password").fill("another long one");
  await page.keyboard.press("Enter");
  await sees(page, ".complaint b", "The present password is wrong.");
  await page.getByRole("button", { name: "Set it up" }).click();
  await page.getByLabel("Then type the code that the app shows").fill("123456");
  await page.keyboard.press("Enter");
  await eventually("eight codes", async () => (await page.locator(".recovery li").count()) === 8);
  await page.getByRole("button", { name: "I have kept them" }).click();
  await page.getByText("On: signing in asks for a code of your phone.").waitFor();
});

test("signing out here leads to the sign-in, and Back shows nothing of before", async () => {
  const { page, console } = await start("/console/account");
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await sees(page, "h1", "Sign in");
  assert.deepEqual(console.requests("POST sign-out")[0]?.body, { everywhere: false });
  assert.equal(path(page), "/console/sign-in");
});

test("narrow: the list, or the line with a way back", async () => {
  const { page } = await start("/console/lines?q=444", () => undefined, { width: 390, height: 844 });
  await page.getByRole("option", { name: /Nkosi/ }).click();
  await sees(page, "#title", /^Your line is full/);
  assert.equal(await page.locator(".find").isVisible(), false);
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "H1");
  await page.getByRole("button", { name: "All results" }).click();
  assert.equal(await page.locator("#search").inputValue(), "444");
  assert.equal(await page.locator(".line-view").isVisible(), false);
});

test("in a folder, every address and request stays in the folder", async () => {
  relay.provider = { ...relay.provider, base: "/speed" };
  const { page } = await start("/speed/console");
  await sees(page, ".told span", "The lines that you opened last");
  await page.getByRole("option", { name: /Nkosi/ }).click();
  await sees(page, "#title", /^Your line is full/);
  assert.equal(path(page), `/speed${LINE}`);
});

test("a hidden page asks for nothing", async () => {
  const console = new FakeConsole(relay);
  console.signedIn = true;
  const { page } = await openPage();
  await page.clock.install();
  await page.goto(`${relay.origin}/console/routers`);
  await page.getByRole("heading", { name: "tower-dam" }).waitFor();
  const asked = (): number => console.requests("GET routers").length;
  await setVisible(page, false);
  const before = asked();
  await page.clock.runFor(60_000);
  await setVisible(page, true);
  assert.equal(asked(), before);
  await page.clock.runFor(5_000);
  await eventually("it asks again when it is seen", () => asked() === before + 1);
});

test("a slow report is opened as the line was, answered and closed", async () => {
  const { page, console, complaints } = await start("/console/slow");
  await eventually("two are open", async () => (await page.locator(".slow li").count()) === 2);
  await page.getByRole("link", { name: "Report 17" }).click();
  assert.equal(path(page), "/console/slow/17");
  await sees(page, "#pill-text", /^Full/);
  const then = await page.locator(".readout[data-direction=down] .number").textContent();
  await page.getByRole("button", { name: "Answer" }).click();
  await sees(page, ".complaint b", "An answer has at least one word.");
  await page.getByLabel("Your answer").fill("A mast has no power.");
  await page.keyboard.press("Enter");
  await page.getByText("Naledi Mokoena answered:").waitFor();
  assert.deepEqual(console.requests("POST slow/17/answer").map(({ body }) => body), [{ answer: "A mast has no power." }]);
  assert.equal(await page.locator(".readout[data-direction=down] .number").textContent(), then, "the figures stand still");
  await page.getByRole("button", { name: "Close the report" }).click();
  await sees(page, ".slow-head .pill span", "Closed");
  assert.equal(await page.getByLabel("Another answer in its place").count(), 0);
  assert.match((await page.getByRole("link", { name: "Save as CSV" }).getAttribute("href")) ?? "", /\/console\/api\/slow\/17\/samples\.csv$/);
  await page.getByRole("link", { name: "All reports" }).click();
  await eventually("one is left", async () => (await page.locator(".slow li").count()) === 1);
  assert.deepEqual(complaints, []);
});

test("support pins a line for a caller, and hears why that is refused", async () => {
  const { page, console } = await start(LINE);
  await page.getByRole("button", { name: "It is slow now" }).click();
  await page.getByLabel("The caller's words").fill("Films stop.");
  console.instead.set("POST lines/", problem(409, "open", "Your provider has an open report of this line already."));
  await page.keyboard.press("Enter");
  await sees(page, "dialog .complaint b", "Your provider has an open report of this line already.");
  console.instead.clear();
  await page.keyboard.press("Enter");
  await eventually("the dialog is closed", async () => (await page.locator("dialog").count()) === 0);
  assert.deepEqual(console.requests("POST lines/").at(-1)?.body, { words: "Films stop." });
});
