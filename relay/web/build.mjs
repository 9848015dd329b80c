// Builds the page into dist, fills the words of index.html and of the manifest, and refuses a page too large for a slow
// connection. Names in [[…]] stay: the relay fills them with the provider's brand, support and colour, and its own
// public folder.

import { build } from "esbuild";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { icon } from "./icons.mjs";

/** The most that opening the page may transfer, gzip, in bytes. */
const MOST = 40 * 1024;

/** The sizes of the icon: an iPhone's home screen, and the manifest's two. */
const ICONS = [180, 192, 512];

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const assets = join(dist, "assets");

await rm(dist, { recursive: true, force: true });
await mkdir(assets, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: { main: "src/main.ts", style: "style.css", noscript: "noscript.css" },
  outdir: assets,
  bundle: true,
  minify: true,
  format: "esm",
  // Phones of 2021: an iPhone 6s still gets iOS 15.
  target: ["es2022", "chrome87", "firefox90", "safari15"],
  legalComments: "none",
  logLevel: "warning",
});
const filling = await words();
for (const file of ["index.html", "manifest.webmanifest"]) {
  await writeFile(join(dist, file), fill(await readFile(join(here, file), "utf8"), filling));
}
for (const size of ICONS) await writeFile(join(assets, `icon-${size}.png`), icon(size));
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

function fill(text, page) {
  return text.replace(/\{\{(\w+)\}\}/g, (_, name) => {
    if (page[name] === undefined) throw new Error(`"${name}" is named, and words/en.ts does not have it`);
    return page[name].replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
  });
}

/** Icons, the manifest and the sheet for browsers without JavaScript are not part of opening the page. */
async function weigh() {
  let sum = 0;
  const files = ["index.html", "manifest.webmanifest", ...(await readdir(assets)).map((name) => `assets/${name}`)];
  for (const file of files) {
    const size = gzipSync(await readFile(join(dist, file)), { level: 9 }).length;
    const counts = ["index.html", "assets/main.js", "assets/style.css"].includes(file);
    sum += counts ? size : 0;
    console.log(`${file.padEnd(22)} ${String(size).padStart(7)} bytes gzip${counts ? "" : ", not when opening"}`);
  }
  console.log(`${"in all".padEnd(22)} ${String(sum).padStart(7)} of at most ${MOST} bytes`);
  if (sum > MOST) throw new Error(`the page is ${sum - MOST} bytes too large`);
}
