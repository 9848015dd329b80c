// Printing: a line with name and date, and an address without the token, because browsers print the address in the margin.

import { part, setText } from "../dom.ts";
import { strings } from "../words/en.ts";

/** Prepares each printing, and puts the address back afterwards. */
export function preparePrinting(name: () => string): void {
  let address: string | null = null;
  addEventListener("beforeprint", () => {
    const now = Date.now();
    setText(part(document, "#printed"), strings.printed(`${strings.date(now)}, ${strings.timeWithMinutes(now)}`, name()));
    if (address !== null) return;
    address = location.href;
    history.replaceState(history.state, "", location.pathname);
  });
  addEventListener("afterprint", () => {
    if (address !== null) history.replaceState(history.state, "", address);
    address = null;
  });
}
