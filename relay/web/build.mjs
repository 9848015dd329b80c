// Builds page, widget and console into dist, fills the words of their HTML and of the manifest, and refuses what is too large
// for a slow connection. Names in [[…]] stay: the relay fills them with the provider's brand, support and colour, and its own
// public folder.

import { build } from "esbuild";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { icon } from "./icons.mjs";

/** What is transferred together, and the most of it, gzip, in bytes. */
const OPENINGS = [
  { of: "the page", files: ["index.html", "assets/main.js", "assets/style.css"], most: 40 * 1024 },
  { of: "the widget", files: ["widget.html", "assets/widget.js", "assets/widget-style.css"], most: 24 * 1024 },
  { of: "the element", files: ["embed.js"], most: 3 * 1024 },
  { of: "the console", files: ["console.html", "assets/console.js", "assets/console.css"], most: 90 * 1024 },
];

/** The sizes of the icon; an iPhone's home screen takes the small one and scales it. */
const ICONS = [192, 512];

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const assets = join(dist, "assets");

await rm(dist, { recursive: true, force: true });
await mkdir(assets, { recursive: true });
const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  // Phones of 2021: an iPhone 6s still gets iOS 15.
  target: ["es2022", "chrome87", "firefox90", "safari15"],
  legalComments: "none",
  logLevel: "warning",
};
await build({
  ...common,
  entryPoints: [
    { in: "src/main.ts", out: "main" },
    { in: "style.css", out: "style" },
    { in: "noscript.css", out: "noscript" },
    { in: "src/embed/main.ts", out: "widget" },
    { in: "widget.css", out: "widget-style" },
    { in: "src/console/main.ts", out: "console" },
    { in: "console.css", out: "console" },
  ],
  outdir: assets,
  format: "esm",
});
// Portals load it by its one name, as a classic script.
await build({ ...common, entryPoints: { embed: "src/embed/element.ts" }, outdir: dist, format: "iife" });
await fillAll(["index.html", "widget.html", "manifest.webmanifest"], await words("src/words/en.ts"));
await fillAll(["console.html"], await words("src/words/console.ts"));
for (const size of ICONS) await writeFile(join(assets, `icon-${size}.png`), icon(size));
await weigh();

/** The strings of a file of words that HTML names. */
async function words(file) {
  const built = await build({
    absWorkingDir: here,
    entryPoints: [file],
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "warning",
  });
  const source = Buffer.from(built.outputFiles[0].contents).toString("base64");
  return (await import(`data:text/javascript;base64,${source}`)).strings.page;
}

async function fillAll(files, page) {
  for (const file of files) await writeFile(join(dist, file), fill(await readFile(join(here, file), "utf8"), page));
}

function fill(text, page) {
  return text.replace(/\{\{(\w+)\}\}/g, (_, name) => {
    if (page[name] === undefined) throw new Error(`"${name}" is named, and the words do not have it`);
    return page[name].replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
  });
}

/** Icons, the manifest and the sheet for browsers without JavaScript are not part of opening the page. */
async function weigh() {
  const files = [...(await readdir(dist, { withFileTypes: true })), ...(await readdir(assets, { withFileTypes: true }))]
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dist, join(entry.parentPath, entry.name)));
  const sizes = new Map();
  for (const file of files) sizes.set(file, gzipSync(await readFile(join(dist, file)), { level: 9 }).length);
  for (const { of, files: together, most } of OPENINGS) {
    const sum = together.reduce((sum, file) => sum + sizes.get(file), 0);
    console.log(`${of.padEnd(24)} ${String(sum).padStart(7)} of at most ${most} bytes gzip`);
    if (sum > most) throw new Error(`${of} is ${sum - most} bytes too large`);
  }
  const opened = new Set(OPENINGS.flatMap((opening) => opening.files));
  for (const [file, size] of sizes) {
    console.log(`  ${file.padEnd(22)} ${String(size).padStart(7)} bytes gzip${opened.has(file) ? "" : ", not when opening"}`);
  }
}
