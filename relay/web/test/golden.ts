// The files that every side of the wire reads.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(process.cwd(), "..", "..", "shared", "golden");

/** A golden file's text. */
export function golden(name: string): string {
  return readFileSync(join(FOLDER, name), "utf8").trim();
}

/** The names of the viewer frames. */
export function viewerFrames(): string[] {
  return readdirSync(join(FOLDER, "viewer")).filter((name) => name.endsWith(".json"));
}
