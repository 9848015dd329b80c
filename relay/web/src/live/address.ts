// What the page's address asks to watch. Reads an address; fetches nothing.

import type { Target } from "./frame.ts";

/** The longest token or username that is sent: the relay refuses a first frame of more than 4 KiB. */
const LONGEST = 3_500;

/** What an address asks for. */
export type Request =
  | { kind: "watch"; target: Target }
  | { kind: "none" }
  | { kind: "elsewhere" }
  | { kind: "too_long" };

/** Reads the fragment's token, which wins, or the username of `/line/{username}`. */
export function readAddress(pathname: string, hash: string): Request {
  const token = hash.replace(/^#/, "").trim();
  if (token !== "") return bounded({ kind: "token", token });
  const prefix = "/line/";
  if (pathname.startsWith(prefix) && pathname.length > prefix.length) {
    return bounded({ kind: "username", username: textForm(pathname.slice(prefix.length)) });
  }
  return pathname === "/" || pathname === "/index.html" ? { kind: "none" } : { kind: "elsewhere" };
}

function bounded(target: Target): Request {
  const length = target.kind === "token" ? target.token.length : target.username.length;
  return length > LONGEST ? { kind: "too_long" } : { kind: "watch", target };
}

/**
 * The username's text form from a path. A path holds the text form percent-encoded; one that holds the username's raw
 * bytes instead is no valid UTF-8 when decoded, and is read as those bytes.
 */
function textForm(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded.replace(/%(?![0-9A-Fa-f]{2})/g, "%25").replace(/(?:%[0-9A-Fa-f]{2})+/g, decodeRun);
  }
}

/** One run of `%XX`: what is UTF-8 becomes text, each other byte and `%` stays `%XX`. */
function decodeRun(run: string): string {
  let text = "";
  let rest = run.toUpperCase();
  while (rest !== "") {
    const taken = [12, 9, 6, 3].find((length) => length <= rest.length && decodes(rest.slice(0, length))) ?? 0;
    const decoded = taken === 0 ? rest.slice(0, 3) : decodeURIComponent(rest.slice(0, taken));
    text += decoded === "%" ? "%25" : decoded;
    rest = rest.slice(taken === 0 ? 3 : taken);
  }
  return text;
}

/** Whether a run of `%XX` is exactly one character of UTF-8. */
function decodes(run: string): boolean {
  try {
    return [...decodeURIComponent(run)].length === 1;
  } catch {
    return false;
  }
}

/** A target's username: of a token its `sub` claim, unverified, good for a URL and nothing else. */
export function usernameOf(target: Target): string | null {
  if (target.kind === "username") return target.username;
  try {
    const claims = target.token.split(".")[1] ?? "";
    const bytes = Uint8Array.from(atob(claims.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const sub = typeof parsed === "object" && parsed !== null && "sub" in parsed ? parsed.sub : null;
    return typeof sub === "string" && sub !== "" ? sub : null;
  } catch {
    return null;
  }
}
