// Bundles the specs for Node, which reads no TypeScript before version 22, and runs them one after another. Usage:
// node run.mjs [SPEC…] [--test-name-pattern=PATTERN], or any other flag of Node's.

import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
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
const specs = readdirSync(here).filter((name) => name.endsWith(".spec.ts") && (named.length === 0 || named.includes(name)));
const cache = join(here, "node_modules", ".cache");
mkdirSync(cache, { recursive: true });
const out = mkdtempSync(join(cache, "specs-"));
await build({
  absWorkingDir: here,
  entryPoints: specs,
  outdir: out,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  sourcemap: "inline",
  logLevel: "warning",
});
const files = specs.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
// A browser that a failed set-up left open must not keep the run from ending.
const flags = ["--enable-source-maps", "--test", "--test-concurrency=1", "--test-force-exit"];
flags.push(...given.filter((argument) => argument.startsWith("--")));
const run = spawnSync(process.execPath, [...flags, ...files], { stdio: "inherit", cwd: here });
rmSync(out, { recursive: true, force: true });
process.exit(run.status ?? 1);

function need(there, what) {
  if (there) return;
  console.error(what);
  process.exit(1);
}
