// The console with the whole system behind: an invited person finds a line, sends its link and ends it, and the customer's page
// follows; routers, figures, people and the audit log are the relay's own.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { eventually, figures, launch, newPage, type Opened, picture, sees, violations } from "./chromium.ts";
import { startSystem, type System } from "./demo.ts";

const PASSWORD = "several words are good";

/** Answers before a sign-in, and of a link that works no more: the browser writes them into its console. */
const REFUSED = /status of (401|404|410)/;

let browser: Browser;
let system: System;
let desk: Opened;

before(async () => {
  [browser, system] = await Promise.all([launch(), startSystem("concentrator")]);
  desk = await newPage(browser);
  await system.router("rate alice 14780000 620000");
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

/** Opens an address as somebody else, who is not signed in. */
async function elsewhere(address: string, see: (page: Page) => Promise<void>): Promise<Opened> {
  const opened = await newPage(browser, { width: 390 });
  await opened.page.goto(address);
  await see(opened.page);
  return opened;
}

async function shows(page: Page, down: string, up: string): Promise<void> {
  const same = async (): Promise<boolean> => {
    const now = await figures(page);
    return now.down === down && now.up === up;
  };
  await eventually(`figures ${down} and ${up}`, same);
}

/** Pictures on a telephone and on a desk; both are accessible and within their width. */
async function looksWell(page: Page, name: string): Promise<void> {
  for (const [width, theme] of [[390, "light"], [1280, "dark"]] as const) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: theme });
    await picture(page, `whole-${name}-${width}-${theme}`);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(overflow, 0, `${name} at ${width} px`);
    assert.deepEqual(await violations(page), [], `${name} at ${width} px`);
  }
}

async function section(page: Page, name: string): Promise<void> {
  await page.getByRole("navigation").getByRole("link", { name }).click();
  await sees(page, "main h1", new RegExp(name));
}

test("an invitation is good once; its password signs in", async () => {
  const { page } = desk;
  await page.goto(system.invitation);
  await sees(page, "h1", "Welcome, demo");
  await page.getByLabel("Choose a password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Save and sign in" }).click();
  await sees(page, ".nothing b", "You have opened no line yet.");
  const again = await elsewhere(system.invitation, (page) => sees(page, ".card b", "This invitation has been used, or is too old."));
  await again.close();
  await desk.context.clearCookies();
  await page.goto(`${system.page}/console`);
  await sees(page, "h1", "Sign in");
  await page.getByLabel("Name", { exact: true }).fill("demo");
  await page.getByLabel("Password", { exact: true }).fill("several other words");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await sees(page, "[role=alert] b", "Name or password is wrong.");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await sees(page, ".nothing b", "You have opened no line yet.");
});

test("three letters find a line, which is live at once, with what only the desk sees", async () => {
  const { page } = desk;
  await page.locator("#search").fill("pro");
  const found = page.getByRole("option", { name: /Protea Motors/ });
  await found.waitFor();
  const opened = Date.now();
  await found.click();
  await shows(page, "14.8 Mbps", "0.62 Mbps");
  console.log(`first figure ${Date.now() - opened} ms after the line was opened, not watched before`);
  await sees(page, "h1", "Protea Motors");
  await sees(page, "#pill-text", /^(Running|Full)/);
  const facts = page.locator(".facts");
  await eventually("the router, the session and the plan", async () => /core-1[^]*1\ssession[^]*20\sMbps down, 5\sMbps up/.test(await facts.innerText()));
  await page.getByText(/^Watched a line/).waitFor();
});

test("a link by WhatsApp and a code by telephone open the line, until all older links are void", async () => {
  const { page } = desk;
  await page.getByRole("button", { name: "WhatsApp" }).click();
  const opens = page.getByRole("dialog", { name: "Send by WhatsApp" }).getByRole("link", { name: "Open WhatsApp" });
  const whatsapp = new URL((await opens.getAttribute("href")) ?? "");
  assert.equal(whatsapp.origin + whatsapp.pathname, "https://wa.me/");
  const text = whatsapp.searchParams.get("text") ?? "";
  assert.match(text, /^Karoo Wireless: this link shows what your internet line carries right now\. It works for 24 hours, and opens your line alone: http:\S+#eyJ\S+$/);
  await looksWell(page, "whatsapp");
  await page.keyboard.press("Escape");

  const byLink = await elsewhere(text.slice(text.indexOf("http:")), (page) => shows(page, "14.8 Mbps", "0.62 Mbps"));
  await sees(byLink.page, "#name", "Protea Motors");
  await byLink.page.getByText("Your provider is looking at this line too.").waitFor();
  await looksWell(byLink.page, "customer");

  await page.getByRole("button", { name: "QR and code" }).click();
  const code = await page.getByRole("dialog").locator(".code").innerText();
  assert.match(code, /^\d{4} \d{4}$/);
  await looksWell(page, "code");
  await page.keyboard.press("Escape");
  const typed = async (page: Page): Promise<void> => {
    await page.getByLabel(/type the code/).fill(code);
    await page.getByRole("button", { name: "Open" }).click();
  };
  const byCode = await elsewhere(system.page, async (page) => {
    await looksWell(page, "no-link");
    await typed(page);
    await shows(page, "14.8 Mbps", "0.62 Mbps");
  });
  const used = await elsewhere(system.page, async (page) => {
    await typed(page);
    await sees(page, "#code-told", /^This code opens nothing/);
  });
  await used.close();
  await looksWell(page, "line");

  await page.getByRole("button", { name: "Make all older links void" }).click();
  await page.getByRole("button", { name: "Make them void" }).click();
  const ended = Date.now();
  for (const { page } of [byLink, byCode]) await sees(page, "#detail", /ask your provider/i);
  console.log(`the customer's pages said so ${Date.now() - ended} ms after the click`);
  assert.doesNotMatch((await figures(byLink.page)).down, /\d/);
  await looksWell(byLink.page, "void");
  await page.getByText(/^All links made before .* are void\.$/).waitFor();
  await page.getByText("No page of the customer and you").waitFor();
  for (const { complaints, close } of [byLink, byCode]) {
    assert.deepEqual(complaints.filter((text) => !REFUSED.test(text)), []);
    await close();
  }
});

test("routers are those of the relay, and another one gets its script", async () => {
  const { page } = desk;
  await section(page, "Routers");
  const row = page.locator("li", { has: page.getByRole("heading", { name: "core-1" }) });
  await row.getByText("Connected", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Add a router" }).click();
  await page.getByLabel("Name", { exact: true }).fill("tower-2");
  await page.getByRole("button", { name: "Make the script" }).click();
  const script = page.getByRole("group", { name: "Script" });
  await eventually("the script has the name, the relay and a token", async () => {
    const text = await script.innerText();
    return text.includes("tower-2") && text.includes(system.page.replace("http://", "wss://")) && text.includes("linelight_agent_");
  });
  await page.locator("[data-step=now]", { hasText: "Script pasted" }).waitFor();
  await looksWell(page, "add-router");
  await page.getByRole("button", { name: "Close", exact: true }).click();
  const added = page.locator("li", { has: page.getByRole("heading", { name: "tower-2" }) });
  await added.getByText("Not heard yet").waitFor();
  await looksWell(page, "routers");
});

test("the busiest lines and the wallboard have the router's figures", async () => {
  const { page } = desk;
  await section(page, "Busiest");
  const cellOf = (page: Page) => page.locator(".cell", { has: page.getByText("alice", { exact: true }) });
  const cell = cellOf(page);
  await eventually("the line's average", async () => /14\.8\s*Mbps/.test(await cell.innerText({ timeout: 20_000 })), 20_000);
  await page.getByRole("combobox", { name: "Router" }).selectOption("core-1");
  await cell.waitFor();
  await looksWell(page, "busiest");
  await page.getByRole("button", { name: "Address for a television" }).click();
  const address = await page.getByRole("dialog").locator(".address").innerText();
  const wall = await elsewhere(address, (page) => cellOf(page).waitFor());
  await looksWell(wall.page, "wall");
  await page.getByRole("button", { name: "End all such addresses" }).click();
  await sees(wall.page, ".lost", /^This wallboard's address has ended\./, 20_000);
  assert.deepEqual(wall.complaints.filter((text) => !REFUSED.test(text)), []);
  await wall.close();
});

test("people are invited, and the audit log has what was done", async () => {
  const { page, complaints } = desk;
  await section(page, "People");
  await page.getByText(/demo \(you\)/).waitFor();
  await page.getByLabel("Name", { exact: true }).fill("naledi");
  await page.getByRole("button", { name: "Make an invitation" }).click();
  const address = await page.getByRole("dialog").locator(".address").innerText();
  const invited = await elsewhere(address, (page) => sees(page, "h1", "Welcome, naledi"));
  await invited.close();
  await page.keyboard.press("Escape");
  await page.getByText(/invited until/).waitFor();
  await looksWell(page, "people");

  await section(page, "Audit");
  for (const what of ["Added a person", "Changed the wallboard's address", "Added a router", "Made all older links void", "Made a code", "Made a link", "Watched a line", "Signed in", "Sign-in refused"]) {
    await page.locator("td", { hasText: what }).first().waitFor();
  }
  await looksWell(page, "audit");
  await page.getByLabel("Line", { exact: true }).fill("alice");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await eventually("the line's entries alone", async () => (await page.locator("td", { hasText: "Added a router" }).count()) === 0);
  await page.locator("td", { hasText: "Made a link" }).first().waitFor();
  const csv = await page.request.get(new URL((await page.getByRole("link", { name: "Save as CSV" }).getAttribute("href")) ?? "", page.url()).href);
  assert.equal(csv.status(), 200);
  assert.match(await csv.text(), /link-made,alice|alice.*link-made|link-made.*alice/);
  assert.deepEqual(complaints.filter((text) => !REFUSED.test(text)), []);
});
