// Dialogs: one at a time, over everything else. Escape and the last button close; the focus goes back to where it was.

import { element } from "../dom.ts";
import { strings } from "../words/console.ts";
import { button } from "./widgets.ts";

let open: HTMLDialogElement | null = null;

/** Closes the open dialog, if there is one. */
export function closeDialog(): void {
  open?.close();
}

/** Opens a dialog. `acts` stand before the button that closes; `left` runs when it is closed in any way. */
export function showDialog(title: string, content: readonly Node[], acts: readonly HTMLElement[] = [], close: string = strings.close, left: () => void = () => undefined): HTMLDialogElement {
  closeDialog();
  const dialog = element("dialog", { "aria-labelledby": "dialog-title" });
  const closes = button(close, () => dialog.close(), "", { autofocus: acts.length === 0 });
  dialog.append(element("h2", { id: "dialog-title", tabindex: -1 }, title), ...content, element("div", { class: "acts" }, ...acts, closes));
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (open === dialog) open = null;
    left();
  });
  document.body.append(dialog);
  open = dialog;
  dialog.showModal();
  return dialog;
}

/** Words of a question. */
export interface Question {
  title: string;
  detail: string;
  /** The button that does it. */
  does: string;
  /** The button that does not. */
  keeps: string;
}

/** Asks before something ends. The focus is on the button that does not do it. */
export function ask(question: Question, does: () => void): void {
  const act = button(question.does, () => {
    closeDialog();
    does();
  }, "danger");
  const dialog = showDialog(question.title, [element("p", {}, question.detail)], [act], question.keeps);
  dialog.querySelector<HTMLElement>(".acts button:last-child")?.focus();
}
