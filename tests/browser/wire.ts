// What the golden files of shared/golden/viewer say of a viewer's frames: which keys each type has, and of which kind each is.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A frame of the relay. */
export type Frame = Record<string, unknown>;

/** The golden frames as text, by their files' names. */
export function goldenFrames(): Map<string, string> {
  const folder = join(repository(), "shared", "golden", "viewer");
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), "utf8").trim()]));
}

/** Where a frame departs from the golden ones: a key that its type never has or always has, a value of another kind. */
export function departures(frame: Frame): string[] {
  const alike = GOLDEN.filter(({ type }) => type === frame["type"]);
  if (alike.length === 0) return [`no golden frame is of the type ${String(frame["type"])}`];
  const always = Object.keys(alike[0] ?? {}).filter((key) => alike.every((golden) => key in golden));
  const missing = always.filter((key) => !(key in frame)).map((key) => `${key} is missing`);
  // A snapshot holds whatever a state does.
  const relatives = frame["type"] === "snapshot" ? GOLDEN.filter(({ type }) => type === "snapshot" || type === "state") : alike;
  const wrong = Object.entries(frame).flatMap(([key, value]) => {
    const lawful = relatives.filter((golden) => key in golden).flatMap((golden) => kinds(golden[key]));
    if (lawful.length === 0) return [`${key} is no golden key`];
    return kinds(value).filter((kind) => !lawful.includes(kind)).map((kind) => `${key} has ${kind}`);
  });
  return [...missing, ...wrong];
}

const GOLDEN = [...goldenFrames().values()].map((text) => JSON.parse(text) as Frame);

/** The kinds of a value and of all parts: `a number`, `t: list`, `t: list of a number`. */
function kinds(value: unknown): string[] {
  if (value === null) return ["null"];
  if (Array.isArray(value)) return ["a list", ...value.flatMap(kinds).map((kind) => `a list of ${kind}`)];
  if (typeof value !== "object") return [`a ${typeof value}`];
  const entries = Object.entries(value);
  return [`the keys ${entries.map(([key]) => key).join(", ")}`, ...entries.flatMap(([key, part]) => kinds(part).map((kind) => `${kind} in ${key}`))];
}

function repository(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!folder.endsWith(join("tests", "browser"))) folder = dirname(folder);
  return dirname(dirname(folder));
}
