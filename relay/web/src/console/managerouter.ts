// What an admin changes of a router: the lines it may report, its token, its end.

import { element } from "../dom.ts";
import { strings } from "../words/console.ts";
import { patternsOf, scriptBox } from "./addrouter.ts";
import type { RouterFacts } from "./contract.ts";
import type { Desk } from "./desk.ts";
import { ask, closeDialog, showDialog } from "./dialog.ts";
import { visible } from "./text.ts";
import { announce, button, Complaint, field, form } from "./widgets.ts";

const words = strings.routers;

/** Opens the dialog of one router; `changed` runs after each change. */
export function manage(desk: Desk, router: RouterFacts, changed: () => void): void {
  const path = `routers/${encodeURIComponent(router.name)}`;
  const name = visible(router.name);
  const complaint = new Complaint();
  const patterns = field(words.patterns, { autocomplete: "off", value: router.patterns.join(" ") }, words.patternsHelp);
  const save = button(words.savePatterns, () => undefined, "first");
  const send = async (): Promise<void> => {
    complaint.clear();
    const answer = await desk.api.post(`${path}/patterns`, { patterns: patternsOf(patterns.input.value) });
    if (!answer.ok) return complaint.tell(answer.problem);
    closeDialog();
    announce(words.patternsSaved, true);
    changed();
  };
  const token = async (): Promise<void> => {
    complaint.clear();
    const answer = await desk.api.post<{ script: string }>(`${path}/token`);
    if (!answer.ok) return complaint.tell(answer.problem);
    showDialog(name, [scriptBox(answer.value.script)]).classList.add("wide");
    changed();
  };
  const revoke = async (): Promise<void> => {
    const answer = await desk.api.post(`${path}/revoke`);
    announce(answer.ok ? words.revokeDone(name) : answer.problem.sentence, true);
    changed();
  };
  const asks = (): void => ask({ title: words.revokeTitle(name), detail: words.revokeDetail, does: words.revokeDo, keeps: words.keep }, () => void revoke());
  const tokenPart = element("div", { class: "part" }, element("p", {}, words.newTokenHelp), button(words.newToken, () => void token()));
  const content = [form([patterns.box, save], save, send), complaint.box, tokenPart, element("div", { class: "part" }, button(words.revoke, asks, "grave"))];
  showDialog(name, content);
}
