// Setting up a second factor: the QR code for the app, its first code, the recovery codes.

import { element } from "../dom.ts";
import { strings } from "../words/console.ts";
import type { Api } from "./api.ts";
import type { Enrolment } from "./contract.ts";
import { isolated } from "./text.ts";
import { button, Complaint, copyButton, field, form, svgPicture, trouble } from "./widgets.ts";

const words = strings.factor;

/** Returns the steps of the set-up; `done` runs when the recovery codes are kept. */
export async function enrolment(api: Api, done: () => void): Promise<HTMLElement> {
  const root = element("div", { class: "factor" });
  const begun = await api.post<Enrolment>("totp/begin");
  if (!begun.ok) {
    root.append(trouble(begun.problem));
    return root;
  }
  const { secret, qr_svg: picture } = begun.value;
  const code = field(words.confirm, { name: "code", inputmode: "numeric", autocomplete: "one-time-code" });
  code.input.classList.add("code-input");
  const complaint = new Complaint();
  const submit = button(words.submit, () => undefined, "first wide");
  const send = async (): Promise<void> => {
    complaint.clear();
    const answer = await api.post<{ recovery_codes: string[] }>("totp/confirm", { code: code.input.value.replace(/\s/g, "") });
    if (answer.ok) return root.replaceChildren(...recovery(answer.value.recovery_codes, done));
    if (answer.problem.reason === "wrong") complaint.say(strings.signIn.codeWrong, strings.signIn.codeWrongDetail);
    else complaint.tell(answer.problem);
    code.input.select();
  };
  const key = element("p", { class: "secret" }, element("code", {}, secret.replace(/(.{4})(?=.)/g, "$1 ")));
  root.append(
    element("p", {}, element("b", {}, words.scan)),
    svgPicture(picture, words.qr),
    element("p", { class: "soft" }, words.byHand),
    key,
    form([code.box, complaint.box, submit], submit, send),
  );
  return root;
}

function recovery(codes: readonly string[], done: () => void): Node[] {
  const list = element("ul", { class: "recovery" }, ...codes.map((code) => element("li", {}, element("code", {}, isolated(code)))));
  const acts = element("div", { class: "acts" }, copyButton(words.copyCodes, () => codes.join("\n"), list, ""), button(words.kept, done, "first"));
  const title = element("h2", { tabindex: -1 }, words.recoveryTitle);
  requestAnimationFrame(() => title.focus());
  return [title, element("p", { class: "soft" }, words.recoveryHelp), list, acts];
}
