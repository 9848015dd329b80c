// The page's address and its meaning: a token, a username, or neither. Finds the token in links that mail programs and
// messengers have spoiled. Reads an address; fetches nothing.

import type { Target } from "./frame.ts";

/** The longest token or username, in characters: the relay refuses a first frame of more than 4 KiB. */
const LONGEST = 3_500;

/** The meaning of an address. */
export type Request =
  | { kind: "watch"; target: Target }
  | { kind: "none" }
  | { kind: "elsewhere" }
  | { kind: "too_long" }
  /** A part of a token: the link was cut off on its way. */
  | { kind: "cut" };

/**
 * Three parts of base64url: the first is a JSON object (RFC 7515, section 3.1), and the last a signature by HMAC-SHA-256 of 43
 * characters.
 */
const TOKEN = /(?:^|[^\w.-])(eyJ[\w-]*\.[\w-]+\.[\w-]{43})/;

/** The begin of a token. */
const CUT_TOKEN = /(?:^|[^\w.-])eyJ[\w-]{8,}/;

/**
 * What programs write for the characters of a token: percent-encoding, quoted-printable, HTML, the dashes of "smart punctuation".
 * The relay knows the same.
 */
const SPELLINGS: [pattern: RegExp, plain: string][] = [
  [/[%=]2E|&#46;|&period;/gi, "."],
  [/[%=]2D|&#45;|&hyphen;|[\u2010\u2011]/gi, "-"],
  [/[\u2013\u2014]/g, "--"],
  [/[%=]5F|&#95;|&lowbar;/gi, "_"],
];

/** Line breaks, also of quoted-printable, and characters without width. */
const JOINTS = /=?\r?\n(?:> )?|%0D|%0A|[\t\u00AD\u200B-\u200E\u2060\uFEFF]/gi;

/** So often an address is escaped at most: by a mail program, a link checker and a messenger. */
const ESCAPED = 4;

/** Returns a path within the relay's folder, or the path itself where a proxy shows the relay without the folder. */
export function pathWithin(base: URL, pathname: string): string {
  return pathname.startsWith(base.pathname) ? `/${pathname.slice(base.pathname.length)}` : pathname;
}

/** Reads the token of the fragment, which wins, or the username of `/line/{username}`. */
export function readAddress(pathname: string, hash: string, search = ""): Request {
  const fragment = decoded(hash.replace(/^#/, "")).trim();
  // "%23" instead of "#" moves the fragment into the path.
  const [path, query] = [pathname, search].map((text) => afterHash(decodedOften(text)));
  const found = tokenIn(decodedOften(fragment)) ?? tokenIn(path ?? "") ?? tokenIn(query ?? "");
  if (found !== null) return found;
  if (fragment !== "" && !fragment.startsWith("?")) return bounded({ kind: "token", token: fragment });
  const prefix = "/line/";
  if (pathname.startsWith(prefix) && pathname.length > prefix.length) {
    return bounded({ kind: "username", username: textForm(pathname.slice(prefix.length)) });
  }
  return pathname === "/" || pathname === "/index.html" ? { kind: "none" } : { kind: "elsewhere" };
}

/** The token within a text, without the characters that others have put around the token; null without a token. */
function tokenIn(text: string): Request | null {
  const plain = SPELLINGS.reduce((text, [pattern, plain]) => text.replace(pattern, plain), text);
  const token = (TOKEN.exec(plain) ?? TOKEN.exec(plain.replace(JOINTS, "")))?.[1];
  if (token !== undefined) return bounded({ kind: "token", token });
  return CUT_TOKEN.test(plain) ? { kind: "cut" } : null;
}

function afterHash(text: string): string {
  return text.includes("#") ? text.slice(text.indexOf("#")) : "";
}

/** A text without its percent-encoding; the text itself where the encoding is broken. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A text without its percent-encoding, where programs have encoded it again and again. */
function decodedOften(text: string): string {
  let plain = text;
  for (let times = 0; times < ESCAPED && plain.includes("%"); times += 1) plain = decoded(plain);
  return plain;
}

function bounded(target: Target): Request {
  const length = target.kind === "token" ? target.token.length : target.username.length;
  return length > LONGEST ? { kind: "too_long" } : { kind: "watch", target };
}

/**
 * Returns the username's text form from a path. A path holds the text form percent-encoded. A path with the raw bytes of
 * the username instead is no valid UTF-8, and is read as bytes.
 */
function textForm(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded.replace(/%(?![0-9A-Fa-f]{2})/g, "%25").replace(/(?:%[0-9A-Fa-f]{2})+/g, decodeRun);
  }
}

/** Decodes one run of `%XX`: UTF-8 becomes text, each other byte and `%` stays `%XX`. */
function decodeRun(run: string): string {
  let text = "";
  let rest = run.toUpperCase();
  while (rest !== "") {
    const taken = [12, 9, 6, 3].find((length) => length <= rest.length && decodes(rest.slice(0, length))) ?? 0;
    const character = taken === 0 ? rest.slice(0, 3) : decodeURIComponent(rest.slice(0, taken));
    text += character === "%" ? "%25" : character;
    rest = rest.slice(taken === 0 ? 3 : taken);
  }
  return text;
}

/** True if a run of `%XX` is exactly one character of UTF-8. */
function decodes(run: string): boolean {
  try {
    return [...decodeURIComponent(run)].length === 1;
  } catch {
    return false;
  }
}

/** Returns the username of a target: for a token its unverified `sub` claim, good for a URL and nothing else. */
export function usernameOf(target: Target): string | null {
  if (target.kind === "username") return target.username;
  try {
    const claims = target.token.split(".")[1] ?? "";
    const bytes = Uint8Array.from(atob(claims.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const sub = typeof parsed === "object" && parsed !== null && "sub" in parsed ? parsed.sub : null;
    if (typeof sub === "number" && Number.isSafeInteger(sub) && sub >= 0) return String(sub);
    return typeof sub === "string" && sub !== "" ? sub : null;
  } catch {
    return null;
  }
}
