// Debian's WebKitGTK with MiniBrowser on a separate display, by WebDriver.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { PNG } from "pngjs";
import { Builder, By, type WebDriver } from "selenium-webdriver";
import { eventually } from "../chromium.ts";
import type { Engine, Tab } from "./engine.ts";

const LOCALE = { LANG: "C.UTF-8", LC_ALL: "C.UTF-8" };
/** Tall enough for the whole page: nothing scrolls. */
const SIZE = { width: 1024, height: 1700 };

/** WebKit; `LINELIGHT_WEBKIT_DRIVER` names another driver than Debian's. */
export const webkit: Engine = {
  name: "WebKit",
  launch: async (theme) => {
    const screen = await startScreen();
    const service = await startDriver(screen.display);
    const args = theme === "dark" ? ["--automation", "--dark-mode"] : ["--automation"];
    const capabilities = { browserName: "MiniBrowser", "webkitgtk:browserOptions": { args } };
    const driver = await new Builder().usingServer(service.url).withCapabilities(capabilities).build();
    await driver.manage().window().setRect({ x: 0, y: 0, ...SIZE });
    return {
      // A session has one window; a new tab would lie behind the first and draw nothing.
      open: () => Promise.resolve(tab(driver)),
      close: async () => {
        await driver.quit();
        await end(service.process);
        await end(screen.process);
      },
    };
  },
};

function tab(driver: WebDriver): Tab {
  return {
    load: (url) => driver.get(url),
    back: () => driver.navigate().back(),
    evaluate: (script, ...given) => driver.executeScript(`return (${script})(...arguments)`, ...given),
    picture: (selector) => pictureOf(driver, selector),
    click: (selector) => driver.findElement(By.css(selector)).click(),
    close: () => driver.get("about:blank"),
  };
}

/** WebKit's own pictures of elements are black in part (2.50); its pictures of the window are whole. */
async function pictureOf(driver: WebDriver, selector: string): Promise<Buffer> {
  const { x, y, width, height } = await driver.findElement(By.css(selector)).getRect();
  const window = PNG.sync.read(Buffer.from(await driver.takeScreenshot(), "base64"));
  const cut = new PNG({ width: Math.floor(width), height: Math.floor(height) });
  PNG.bitblt(window, cut, Math.floor(x), Math.floor(y), cut.width, cut.height, 0, 0);
  return PNG.sync.write(cut);
}

/** Starts an X server without a screen, on a display that it chooses; it ends when the last program on it has ended. */
async function startScreen(): Promise<{ process: ChildProcess; display: string }> {
  const process = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", `${SIZE.width}x${SIZE.height}x24`, "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const [line] = (await once(createInterface(process.stdio[3] as Readable), "line")) as [string];
  return { process, display: `:${line}` };
}

async function startDriver(display: string): Promise<{ process: ChildProcess; url: string }> {
  const port = await freePort();
  const program = process.env["LINELIGHT_WEBKIT_DRIVER"] ?? "/usr/bin/WebKitWebDriver";
  const environment = { ...process.env, ...LOCALE, DISPLAY: display };
  const service = spawn(program, [`--port=${port}`], { stdio: ["ignore", "ignore", "inherit"], env: environment });
  const url = `http://127.0.0.1:${port}`;
  const answers = (): Promise<boolean> => fetch(`${url}/status`).then(({ ok }) => ok, () => false);
  await eventually("WebKit's driver answers", answers);
  return { process: service, url };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
