// Bundles the specs for Node (versions before 22 read no TypeScript), and runs them one after another. Usage:
// node run.mjs [SPEC…] [--test-name-pattern=PATTERN], or any other flag of Node's.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { bundle, here } from "./bundle.mjs";

const programs = [
  process.env.LINELIGHT_CHROMIUM ?? "/usr/bin/chromium",
  process.env.LINELIGHT_FIREFOX ?? "/usr/bin/firefox-esr",
  process.env.LINELIGHT_WEBKIT_DRIVER ?? "/usr/bin/WebKitWebDriver",
  "/usr/bin/Xvfb",
];
const dist = process.env.LINELIGHT_DIST ?? join(here, "..", "..", "relay", "web", "dist");
need(existsSync(join(dist, "index.html")), "the page is not built: run `npm ci && npm run build` in relay/web");
for (const program of programs) need(existsSync(program), `${program} is missing: run tests/setup browsers`);

const given = process.argv.slice(2);
const named = given.filter((argument) => !argument.startsWith("--"));
const specs = named.length > 0 ? named : readdirSync(here).filter((name) => name.endsWith(".spec.ts"));
const { files, remove } = await bundle(specs);
// A failed set-up may leave a browser open; the run ends all the same.
const flags = ["--enable-source-maps", "--test", "--test-concurrency=1", "--test-force-exit"];
flags.push(...given.filter((argument) => argument.startsWith("--")));
const run = spawnSync(process.execPath, [...flags, ...files], { stdio: "inherit", cwd: here });
remove();
process.exit(run.status ?? 1);

function need(there, what) {
  if (there) return;
  console.error(what);
  process.exit(1);
}
