// Every screen of the console in its states: how to come there, and what shows that it is there. For the specs and the gallery.

import type { Page } from "playwright-core";
import { sees } from "./chromium.ts";
import { type FakeConsole, problem } from "./fake-console.ts";

/** One screen. */
export interface ScreenCase {
  path: string;
  signedIn?: boolean;
  widths?: number[];
  prepare?(console: FakeConsole): void;
  /** Comes to the state, and waits for it. */
  seen(page: Page, console: FakeConsole): Promise<void>;
}

const press = (page: Page, name: string | RegExp): Promise<void> => page.getByRole("button", { name }).first().click();

async function signIn(page: Page, password = "correct horse"): Promise<void> {
  await page.getByLabel("Name", { exact: true }).fill("naledi");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel("Password", { exact: true }).press("Enter");
}

const LINE = "/console/lines/4446%40karoo.example";

async function openLine(page: Page): Promise<void> {
  await sees(page, "h1", "Nkosi household");
  await sees(page, "#title", /^Your line is full/);
  await page.getByRole("heading", { name: "Who watched" }).waitFor();
}

/** The screens. */
export const SCREENS: Readonly<Record<string, ScreenCase>> = {
  "sign-in": { path: "/console", signedIn: false, prepare: (console) => (console.companySignIn = true), seen: (page) => sees(page, "h1", "Sign in") },
  wrong: {
    path: "/console",
    signedIn: false,
    seen: async (page) => {
      await signIn(page, "wrong");
      await sees(page, ".complaint b", "Name or password is wrong.");
    },
  },
  wait: {
    path: "/console",
    signedIn: false,
    prepare: (console) => {
      console.companySignIn = true;
      console.instead.set("POST sign-in", problem(429, "wait", "Too many tries.", { retry_after: 245 }));
    },
    seen: async (page) => {
      await signIn(page);
      await sees(page, ".complaint b", /^Too many tries\. Wait 4:0\d, then try again\.$/);
    },
  },
  code: {
    path: "/console",
    signedIn: false,
    prepare: (console) => (console.totp = true),
    seen: async (page) => {
      await signIn(page);
      await sees(page, "h1", "Second step");
    },
  },
  enrol: {
    path: "/console",
    signedIn: false,
    prepare: (console) => (console.totpRequired = true),
    seen: async (page) => {
      await signIn(page);
      await sees(page, "h1", "Set up a second step");
      await page.locator(".qr").waitFor();
    },
  },
  recovery: {
    path: "/console",
    signedIn: false,
    prepare: (console) => (console.totpRequired = true),
    seen: async (page) => {
      await signIn(page);
      await page.getByLabel("Then type the code").fill("123 456");
      await page.getByLabel("Then type the code").press("Enter");
      await page.getByRole("heading", { name: "Keep these recovery codes" }).waitFor();
    },
  },
  invitation: { path: "/console/invitation#invited", signedIn: false, seen: (page) => sees(page, "h1", "Welcome, sipho") },
  "invitation-gone": { path: "/console/invitation#used", signedIn: false, seen: (page) => sees(page, ".notice b", /has been used/) },
  start: { path: "/console", seen: (page) => sees(page, ".told span", "The lines that you opened last") },
  found: {
    path: "/console/lines?q=444",
    seen: async (page) => {
      await sees(page, ".told span", /^\d of 18,412.lines$/);
      await page.keyboard.press("ArrowDown");
    },
  },
  "found-none": { path: "/console/lines?q=nkozi%204447", seen: (page) => sees(page, ".nothing b", "No line matches “nkozi 4447”.") },
  line: { path: `${LINE}?q=444`, seen: openLine },
  "line-offline": {
    path: "/console/lines/4449%40karoo.example?q=444",
    seen: async (page) => {
      await sees(page, "#pill-text", "Not connected");
      await page.getByRole("heading", { name: "Who watched" }).waitFor();
    },
  },
  "line-hostile": {
    path: `/console/lines/${encodeURIComponent(`"><script>alert(1)</script>`)}?q=img`,
    seen: (page) => sees(page, "h1", /^<img src=x/),
  },
  "line-unknown": { path: "/console/lines/nobody", seen: (page) => sees(page, ".notice b", /Nobody here knows/) },
  qr: {
    path: LINE,
    seen: async (page) => {
      await openLine(page);
      await press(page, "QR and code");
      await sees(page, ".code", "4827 1930");
    },
  },
  whatsapp: {
    path: LINE,
    seen: async (page) => {
      await openLine(page);
      await press(page, "WhatsApp");
      await page.getByRole("link", { name: "Open WhatsApp" }).waitFor();
    },
  },
  void: {
    path: LINE,
    seen: async (page) => {
      await openLine(page);
      await press(page, "Make all older links void");
      await page.getByRole("dialog").waitFor();
    },
  },
  "store-down": {
    path: LINE,
    prepare: (console) => console.failStore(),
    seen: async (page) => {
      await openLine(page);
      await press(page, "Copy link");
      await sees(page, ".acts-told b", /store does not take changes/);
    },
  },
  busiest: { path: "/console/busiest", seen: (page) => page.locator(".cell").first().waitFor() },
  wall: { path: "/console/wall#wall-token", widths: [390, 1280, 1920], seen: (page) => page.locator(".cell").first().waitFor() },
  "wall-ended": { path: "/console/wall#other", widths: [1280], seen: (page) => sees(page, ".lost", /has ended/) },
  routers: { path: "/console/routers", seen: (page) => page.getByRole("heading", { name: "tower-dam" }).waitFor() },
  "routers-empty": { path: "/console/routers", prepare: (console) => (console.hasRouters = false), seen: (page) => page.getByRole("heading", { name: "No router reports yet." }).waitFor() },
  "routers-loading": {
    path: "/console/routers",
    prepare: (console) => console.held.set("routers", new Promise((done) => setTimeout(done, 20_000).unref())),
    seen: (page) => page.locator(".bones").first().waitFor(),
  },
  "routers-add": {
    path: "/console/routers/add",
    seen: async (page, console) => {
      await page.getByLabel("Name", { exact: true }).fill("tower-klein");
      await press(page, "Make the script");
      await page.locator("pre").waitFor();
      console.steps = { paste: true, heard: true, router: false, sessions: false };
      await sees(page, ".steps li:nth-child(3)", "Router answers waiting");
    },
  },
  "routers-ready": {
    path: "/console/routers/add",
    seen: async (page, console) => {
      await page.getByLabel("Name", { exact: true }).fill("tower-klein");
      await press(page, "Make the script");
      await page.locator("pre").waitFor();
      console.steps = { paste: true, heard: true, router: true, sessions: true };
      await sees(page, ".sheet .notice b", "tower-klein is connected.");
    },
  },
  "router-manage": {
    path: "/console/routers",
    seen: async (page) => {
      await press(page, "Manage bogota-1");
      await page.getByRole("dialog").waitFor();
    },
  },
  slow: { path: "/console/slow?all=1", seen: (page) => page.locator(".slow li").first().waitFor() },
  "slow-none": { path: "/console/slow", prepare: (console) => (console.slow = []), seen: (page) => sees(page, ".nothing", "No report is open.") },
  "slow-one": {
    path: "/console/slow/17",
    seen: async (page) => {
      await sees(page, "#title", /^Your line is full/);
      await page.getByRole("button", { name: "Answer" }).waitFor();
    },
  },
  people: { path: "/console/people", seen: (page) => page.locator(".people li").first().waitFor() },
  "people-invited": {
    path: "/console/people",
    seen: async (page) => {
      await page.getByLabel("Name", { exact: true }).fill("thandi");
      await press(page, "Make an invitation");
      await page.getByRole("dialog").waitFor();
    },
  },
  audit: { path: "/console/audit", seen: (page) => page.locator(".audit tbody tr").first().waitFor() },
  account: { path: "/console/account", seen: (page) => sees(page, "h1", "Your account") },
  missing: { path: "/console/nothing/here", seen: (page) => sees(page, "h1", "Not found") },
};
