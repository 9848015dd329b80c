// Builds the page into dist, fills index.html's words, and refuses to grow beyond what a slow connection can carry.

import { build } from "esbuild";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** The page's whole transfer, gzip, in bytes. */
const MOST = 80 * 1024;

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const assets = join(dist, "assets");

await rm(dist, { recursive: true, force: true });
await mkdir(assets, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: { main: "src/main.ts", style: "style.css" },
  outdir: assets,
  bundle: true,
  minify: true,
  format: "esm",
  // Phones of 2021: iOS 15 is what an iPhone 6s still gets.
  target: ["es2022", "chrome87", "firefox90", "safari15"],
  legalComments: "none",
  logLevel: "warning",
});
await writeFile(join(dist, "index.html"), fill(await readFile(join(here, "index.html"), "utf8"), await words()));
await weigh();

/** The strings that index.html names. */
async function words() {
  const built = await build({
    absWorkingDir: here,
    entryPoints: ["src/words/en.ts"],
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "warning",
  });
  const source = Buffer.from(built.outputFiles[0].contents).toString("base64");
  return (await import(`data:text/javascript;base64,${source}`)).strings.page;
}

function fill(html, page) {
  return html.replace(/\{\{(\w+)\}\}/g, (_, name) => {
    if (page[name] === undefined) throw new Error(`index.html names "${name}", which words/en.ts does not have`);
    return page[name].replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
  });
}

async function weigh() {
  const files = ["index.html", ...(await readdir(assets)).map((name) => `assets/${name}`)];
  let sum = 0;
  for (const file of files) {
    const size = gzipSync(await readFile(join(dist, file)), { level: 9 }).length;
    sum += size;
    console.log(`${file.padEnd(20)} ${String(size).padStart(7)} bytes gzip`);
  }
  console.log(`${"in all".padEnd(20)} ${String(sum).padStart(7)} of at most ${MOST} bytes`);
  if (sum > MOST) throw new Error(`the page is ${sum - MOST} bytes too large`);
}
