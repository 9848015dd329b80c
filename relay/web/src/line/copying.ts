// The button that copies a line of text for support. A browser without a clipboard shows the text, chosen, to copy by hand.

import { part, setText } from "../dom.ts";
import { strings } from "../words/en.ts";

/** The button says for so long that the text was copied, in milliseconds. */
const SAID_FOR = 3_000;

/** Makes the button copy the present summary. */
export function copyOnClick(summary: () => string): void {
  const button = part(document, "#copy");
  const field = part(document, "#copy-text") as HTMLTextAreaElement;
  setText(button, strings.copy);
  button.addEventListener("click", () => {
    const text = summary();
    write(text).then(
      () => {
        setText(button, strings.copied);
        setTimeout(() => setText(button, strings.copy), SAID_FOR);
      },
      () => show(field, text),
    );
  });
}

/** Rejects where the browser has no clipboard (outside of HTTPS), or refuses to write. */
async function write(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
}

function show(field: HTMLTextAreaElement, text: string): void {
  field.hidden = false;
  field.setAttribute("aria-label", strings.copyByHand);
  field.value = text;
  field.focus();
  field.select();
}
