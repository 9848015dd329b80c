// The page's ground plan: each file imports from its own wing, from the wings below, or from the ground, and no files
// import each other in a circle. TypeScript's own parser finds the imports, types and import() among them.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { API } from "typescript/unstable/sync";

/** Each wing, and the wings that its files may import besides their own. A file outside of a folder is a wing of its own. */
const WINGS: Readonly<Record<string, readonly string[]>> = {
  "dom.ts": [],
  words: [],
  live: ["words"],
  line: ["live", "words", "dom.ts"],
  embed: ["line", "live", "words", "dom.ts"],
  console: ["line", "live", "words", "dom.ts"],
  "main.ts": ["line", "live", "words", "dom.ts"],
};

const ROOT = join(process.cwd(), "src");

/** The files that a file imports, by their paths below src; a package by its bare name. */
type Imports = ReadonlyMap<string, readonly string[]>;

function readImports(): Imports {
  const api = new API();
  try {
    const [project] = api.updateSnapshot({ openProject: join(process.cwd(), "tsconfig.json") }).getProjects();
    assert.ok(project !== undefined, "tsconfig.json is a project");
    return new Map(
      sources().map((file) => {
        const parsed = project.program.getSourceFile(join(ROOT, file));
        assert.ok(parsed !== undefined, `${file} belongs to the project`);
        return [file, parsed.imports.map((name) => target(file, name.getText().slice(1, -1)))];
      }),
    );
  } finally {
    api.close();
  }
}

function sources(): string[] {
  return readdirSync(ROOT, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
}

function target(from: string, specifier: string): string {
  return specifier.startsWith(".") ? relative(ROOT, join(ROOT, dirname(from), specifier)) : specifier;
}

const wingOf = (file: string): string => file.split("/")[0] ?? file;

/** The imports that the table does not allow, each as "from -> to". */
function forbidden(imports: Imports): string[] {
  return [...imports].flatMap(([from, targets]) => {
    const allowed = [wingOf(from), ...(WINGS[wingOf(from)] ?? [])];
    return targets.filter((to) => imports.has(to) && !allowed.includes(wingOf(to))).map((to) => `${from} -> ${to}`);
  });
}

/** The first circle of imports, as its files in order; empty where there is none. */
function circle(imports: Imports): string[] {
  const finished = new Set<string>();
  const walk = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (finished.has(file)) return [];
    for (const next of imports.get(file) ?? []) {
      const found = walk(next, [...path, file]);
      if (found.length > 0) return found;
    }
    finished.add(file);
    return [];
  };
  return [...imports.keys()].reduce<string[]>((found, file) => (found.length > 0 ? found : walk(file, [])), []);
}

const imports = readImports();

test("every file stands in a wing of the table, and every wing has a file", () => {
  assert.deepEqual([...new Set([...imports.keys()].map(wingOf))].sort(), Object.keys(WINGS).sort());
});

test("every relative import is a file of the page", () => {
  const lost = [...imports].flatMap(([from, targets]) =>
    targets.filter((to) => to.endsWith(".ts") && !imports.has(to)).map((to) => `${from} -> ${to}`),
  );
  assert.deepEqual(lost, []);
  assert.ok((imports.get("main.ts")?.length ?? 0) > 2, "the parser finds imports");
});

test("no file imports against the table", () => assert.deepEqual(forbidden(imports), []));

test("no files import each other in a circle", () => assert.deepEqual(circle(imports), []));

test("the lint finds an import upwards and a circle", () => {
  const wrong: Imports = new Map([
    ["live/socket.ts", ["line/states.ts"]],
    ["line/states.ts", ["line/store.ts"]],
    ["line/store.ts", ["line/states.ts", "live/socket.ts"]],
  ]);
  assert.deepEqual(forbidden(wrong), ["live/socket.ts -> line/states.ts"]);
  assert.deepEqual(circle(wrong), ["line/states.ts", "line/store.ts", "line/states.ts"]);
});
