// What addresses ask for, with every kind of username.

import assert from "node:assert/strict";
import { test } from "node:test";
import { pathWithin, readAddress, usernameOf } from "../src/live/address.ts";
import { golden } from "./golden.ts";

const username = (name: string) => ({ kind: "watch", target: { kind: "username", username: name } });

const ADDRESSES: [pathname: string, hash: string, request: unknown][] = [
  ["/", "", { kind: "none" }],
  ["/", "#", { kind: "none" }],
  ["/line/", "", { kind: "elsewhere" }],
  ["/lines", "", { kind: "elsewhere" }],
  ["/", "#a.b.c", { kind: "watch", target: { kind: "token", token: "a.b.c" } }],
  ["/line/ali", "#a.b.c", { kind: "watch", target: { kind: "token", token: "a.b.c" } }],
  ["/line/ali", "", username("ali")],
  ["/line/4446%40karoo.example", "", username("4446@karoo.example")],
  ["/line/4446@karoo.example", "", username("4446@karoo.example")],
  ["/line/a%2Fb%20c%2Cd", "", username("a/b c,d")],
  ["/line/a/b", "", username("a/b")],
  ["/line/%F0%9F%98%80", "", username("😀")],
  ["/line/50%2525", "", username("50%25")],
  ["/line/caf%25E9%2050%2525", "", username("caf%E9 50%25")],
  ["/line/caf%E9", "", username("caf%E9")],
  ["/line/%E9%C3%A9%25", "", username("%E9é%25")],
  ["/line/50%", "", username("50%25")],
  ["/", `#${"x".repeat(3_501)}`, { kind: "too_long" }],
];

const JWT = `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGkifQ.${"s".repeat(43)}`;
const WATCHED = { kind: "watch", target: { kind: "token", token: JWT } };

const SPOILED: [pathname: string, hash: string, search: string][] = [
  ["/", `#${JWT}.`, ""],
  ["/", `#${JWT})`, ""],
  ["/", `#${JWT}>`, ""],
  ["/", `#${JWT}%20`, ""],
  ["/", `#${JWT}%3E`, ""],
  ["/", `#${JWT}&utm_source=mail`, ""],
  ["/", `#${JWT}?fbclid=abc`, ""],
  ["/", `#<${JWT}>`, ""],
  [`/%23${JWT}`, "", ""],
  ["/", `#${JWT}`, "?fbclid=abc"],
  ["/", "", `?utm_source=x%23${JWT}`],
];

test("a token is found in a link that others have spoiled", () => {
  for (const [pathname, hash, search] of SPOILED) assert.deepEqual(readAddress(pathname, hash, search), WATCHED, pathname + hash + search);
});

interface Spoilt {
  token: string;
  cases: { what: string; text: string; holds: string }[];
}

test("what the relay finds in a spoilt link, the page finds too", () => {
  const { token, cases } = JSON.parse(golden("links/spoilt.json")) as Spoilt;
  const [header = "", claims = "", signature = ""] = token.split(".");
  for (const { what, text, holds } of cases) {
    const parts = { token, header, claims, signature };
    const link = Object.entries(parts).reduce((link, [name, part]) => link.split(`{${name}}`).join(part), text);
    const request = readAddress("/", link.startsWith("#") ? link : `#${link}`);
    if (holds === "token") assert.deepEqual(request, { kind: "watch", target: { kind: "token", token } }, what);
    else if (holds === "cut off") assert.deepEqual(request, { kind: "cut" }, what);
    else assert.notEqual(request.kind, "cut", what);
  }
});

test("a link that was cut off is told from others", () => {
  for (const length of [15, 25, 40, JWT.length - 1]) {
    assert.deepEqual(readAddress("/", `#${JWT.slice(0, length)}`), { kind: "cut" }, String(length));
  }
});

for (const [pathname, hash, request] of ADDRESSES) {
  test(`${pathname}${hash.slice(0, 20)}`, () => assert.deepEqual(readAddress(pathname, hash), request));
}

function token(claims: string): string {
  return `e30.${Buffer.from(claims).toString("base64url")}.c2ln`;
}

test("a token's username, whatever its letters", () => {
  for (const name of ["ali", "4446", "4446@karoo.example", "caf%E9", "😀é/ ,"]) {
    assert.equal(usernameOf({ kind: "token", token: token(JSON.stringify({ sub: name })) }), name);
  }
});

test("a whole number as a username is its digits", () => {
  assert.equal(usernameOf({ kind: "token", token: token('{"sub":4446}') }), "4446");
});

test("a token that is none has no username", () => {
  for (const broken of ["", "a", "a.b.c", token("[]"), token("null"), token('{"sub":1.5}'), token('{"sub":""}'), token("{")]) {
    assert.equal(usernameOf({ kind: "token", token: broken }), null);
  }
});

test("a path is read within the relay's folder", () => {
  const base = new URL("https://example.net/speed/");
  for (const [pathname, within] of [["/speed/", "/"], ["/speed/line/ali", "/line/ali"], ["/speed/speed/", "/speed/"], ["/line/ali", "/line/ali"]]) {
    assert.equal(pathWithin(base, pathname as string), within);
  }
  assert.equal(pathWithin(new URL("https://relay.example/"), "/line/ali"), "/line/ali");
});
