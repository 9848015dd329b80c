// The code of eight digits that support reads aloud: typed here, it becomes the link of the line. The style shows the form
// where a link is missing or works no more.

import { part, setText } from "../dom.ts";
import { strings } from "../words/en.ts";
import { ask } from "./asking.ts";

const words = strings.code;

/** Opens the line of a code that is typed. `base` is the relay's address with its folder and a last slash. */
export function takeCodes(base: string): void {
  const form = part(document, "#code");
  const input = part(document, "#digits") as HTMLInputElement;
  const told = part(document, "#code-told");
  let isAsking = false;
  const send = async (): Promise<void> => {
    const code = digitsOf(input.value);
    setText(told, code === null ? words.short : "");
    if (code === null || isAsking) return input.focus();
    isAsking = true;
    const answer = await redeem(base, code);
    isAsking = false;
    if ("token" in answer) {
      input.value = "";
      location.hash = answer.token;
      return;
    }
    setText(told, answer.sentence);
    input.select();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send();
  });
}

/** The zeros of other keyboards, each followed by its nine: Arabic, Persian and Urdu, Devanagari, Bengali, full width. */
const ZEROS = [0x660, 0x6f0, 0x966, 0x9e6, 0xff10];

/** Reads eight digits of any keyboard, however they are spaced; null for anything else. */
export function digitsOf(typed: string): string | null {
  const digits = typed.replace(/[\s\p{Pd}\p{Cf}]/gu, "").replace(/\p{Nd}/gu, western);
  return /^[0-9]{8}$/.test(digits) ? digits : null;
}

function western(digit: string): string {
  const point = digit.charCodeAt(0);
  const zero = ZEROS.find((zero) => point >= zero && point <= zero + 9);
  return zero === undefined ? digit : String(point - zero);
}

async function redeem(base: string, code: string): Promise<{ token: string } | { sentence: string }> {
  const { status, body } = await ask(`${base}api/v1/code`, null, { code });
  if (status === 404) return { sentence: words.unknown };
  if (status === 429) return { sentence: words.wait };
  const token = body["token"];
  return typeof token === "string" ? { token } : { sentence: words.failed };
}
