// The whole system behind a page: the demo program, the simulated router's control port, and the processes.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The demo's first lines. */
interface Started {
  page: string;
  private: string;
  /** Where an admin of the console chooses a password, once. */
  invitation: string;
  control: string;
  processes: { relay: number; agent: number };
  links: { username: string; customer: string; url: string }[];
}

/** A running relay, agent and simulated router. */
export interface System extends Started {
  /** The link of a username, in text form. */
  link(username: string): string;
  /** Sends a command of the control port's `help` to the simulated router. Returns the lines of the answer. */
  router(command: string): Promise<string[]>;
  stop(): Promise<void>;
}

/** Starts the demo on free ports, with more flags of the relay. */
export async function startSystem(role: "concentrator" | "customer", relay: readonly string[] = []): Promise<System> {
  const program = demo();
  const child = spawn(program, ["--json", "--port=0", `--role=${role}`, ...relay.map((flag) => `--relay-flag=${flag}`)], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const first = await new Promise<string>((give, fail) => {
    lines.once("line", give);
    child.once("error", fail);
    child.once("exit", (code) => fail(new Error(`the demo ended with ${code}`)));
  });
  const started = JSON.parse(first) as Started;
  return {
    ...started,
    link: (username) => {
      const found = started.links.find((link) => link.username === username);
      if (!found) throw new Error(`no line ${username}; there are ${started.links.map((link) => link.username).join(", ")}`);
      return found.url;
    },
    router: (command) => ask(started.control, command),
    stop: () => stop(child),
  };
}

function demo(): string {
  let path = dirname(fileURLToPath(import.meta.url));
  while (!path.endsWith(join("tests", "browser"))) path = dirname(path);
  const target = process.env["CARGO_TARGET_DIR"] ?? join(path, "..", "..", "target");
  const program = join(target, "debug", "demo");
  if (!existsSync(program)) throw new Error(`${program} is not there: run cargo build --workspace --bins`);
  return program;
}

async function ask(control: string, command: string): Promise<string[]> {
  const [host, port] = control.split(":");
  const socket = connect(Number(port), host);
  const answer: string[] = [];
  socket.write(`${command}\n`);
  for await (const line of createInterface({ input: socket })) {
    if (line === "ok" || line.startsWith("error")) {
      socket.destroy();
      if (line !== "ok") throw new Error(`${command}: ${line}`);
      return answer;
    }
    answer.push(line.slice(2));
  }
  throw new Error(`${command}: the control port closed`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}
