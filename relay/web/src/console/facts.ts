// What only the desk sees of a line: routers, session, plan, refused links, links made, who watched. Values in, cards out.

import { element } from "../dom.ts";
import { limitText, unitOf } from "../line/rate.ts";
import { labelOf, strings } from "../words/console.ts";
import type { LineFacts, MadeLink, Report } from "./contract.ts";
import { isolated } from "./text.ts";
import { button } from "./widgets.ts";

const words = strings.line;

type Part = Node | string;

/** The line itself. */
export function factsOf(line: LineFacts, now: number): HTMLElement {
  const rows: HTMLElement[] = line.reports.length === 0 ? [fact(words.router, [strings.states[line.state] ?? line.state], sinceOf(line, now))] : line.reports.map((report) => routerOf(report, line.reports.length > 1, now));
  rows.push(fact(words.session, ...sessionOf(line, now)));
  rows.push(fact(words.plan, ...planOf(line)));
  rows.push(fact(words.watching, [words.viewers(line.viewers), " ", words.staff(line.staff)]));
  if (line.last_arrival !== null) rows.push(fact(words.arrival, [strings.moment(line.last_arrival, now)]));
  for (const [name, value] of Object.entries(line.fields)) {
    if (value !== "") rows.push(fact(labelOf(name), [isolated(value)]));
  }
  return card(words.facts, element("dl", { class: "facts" }, ...rows));
}

function fact(term: string, value: readonly Part[], small: readonly Part[] = []): HTMLElement {
  const more = small.length === 0 ? [] : [element("small", {}, ...small)];
  return element("div", {}, element("dt", {}, isolated(term)), element("dd", {}, ...value, ...more));
}

function sinceOf(line: LineFacts, now: number): Part[] {
  return line.since === null ? [] : [strings.since(line.since, now)];
}

function routerOf(report: Report, isOneOfMany: boolean, now: number): HTMLElement {
  const value: Part[] = [isolated(report.agent)];
  if (report.unreachable_since !== null) value.push(", ", words.notHeard(strings.since(report.unreachable_since, now)));
  const known = [report.router, report.board, report.routeros === null ? null : `RouterOS ${report.routeros}`];
  const small = separated(known.filter((text): text is string => text !== null && text !== "").map(isolated));
  if (isOneOfMany || !report.counts) small.push(small.length === 0 ? "" : " · ", report.counts ? words.reportCounts : words.reportNot);
  const isPlain = report.counts && !isOneOfMany;
  if (!isPlain && report.why !== null && report.why !== "") small.push(small.length === 0 ? "" : ": ", isolated(report.why));
  return fact(words.router, value, small);
}

function sessionOf(line: LineFacts, now: number): [Part[], Part[]] {
  const sessions = line.reports.filter(({ counts }) => counts).reduce((sum, report) => sum + report.sessions, 0);
  const begun = line.reports.find(({ counts }) => counts)?.since ?? null;
  if (sessions === 0) return [[words.noSession], sinceOf(line, now)];
  const since = begun ?? line.since;
  const held = since === null ? [] : [`${strings.duration(now - since)}; `];
  return [[since === null ? words.sessionsMany(sessions) : strings.since(since, now)], since === null ? [] : [...held, words.sessionsMany(sessions)]];
}

function planOf({ plan }: LineFacts): [Part[], Part[]] {
  if (plan.down === null && plan.up === null) return [[words.planUnknown], []];
  const unit = unitOf(plan, 0, "bits");
  const limit = (value: number | null): string => (value === null ? strings.dash : limitText(value, unit));
  const from: Readonly<Record<string, string>> = words.planFrom;
  const small = [plan.from === null ? "" : (from[plan.from] ?? plan.from), plan.shared === true ? words.shared : ""].filter((text) => text !== "");
  return [[words.planOf(limit(plan.down), limit(plan.up))], small.length === 0 ? [] : [small.join("; ")]];
}

/** Why links of the line were refused, and what mends it. */
export function refusedOf(line: LineFacts, now: number, send: () => void): HTMLElement {
  if (line.refused.length === 0) return card(words.refusedTitle, element("p", { class: "soft" }, words.refusedNone));
  const rows = line.refused.map((refused, i) => {
    const small = element("small", {}, `${words.refusedTimes(refused.times)}.`);
    const remedy = refused.remedy === null ? [] : [element("p", {}, isolated(refused.remedy))];
    const act = i === 0 ? [button(words.newLink, send, "small", { "data-key": "new-link" })] : [];
    return element("li", {}, element("b", {}, `${strings.moment(refused.at, now)} `, isolated(refused.what)), ...remedy, small, ...act);
  });
  return card(words.refusedTitle, element("ul", { class: "plain-list" }, ...rows));
}

/** The links made of a line, those that work first. */
export function linksOf(line: LineFacts, now: number, revoke: (id: string) => void): HTMLElement {
  if (line.links === null) return card(words.linksTitle, element("p", { class: "soft" }, words.linksUnknown));
  const isOver = (link: MadeLink): boolean => endOf(link, line.void_before, now) !== null;
  const links = [...line.links].sort((one, other) => Number(isOver(one)) - Number(isOver(other)) || (other.made ?? 0) - (one.made ?? 0));
  const rows = links.map((link) => {
    const kind = words.kinds[link.kind] ?? link.kind;
    const at = link.made === null ? "" : strings.moment(link.made, now);
    const end = endOf(link, line.void_before, now);
    const until = end ?? (link.expires === null ? words.noEnd : words.until(strings.moment(link.expires, now)));
    const used = link.last_used === null ? words.neverUsed : words.lastUsed(strings.moment(link.last_used, now));
    const by = link.by === null ? [] : [`${words.by} `, isolated(link.by), ", "];
    const small = element("small", {}, `${words.made} `, ...by, `${at}; ${used}`);
    const text = element("div", {}, element("b", {}, kind), ` ${until}`, small);
    const act = end === null ? [button(words.revoke, () => revoke(link.id), "small", { "data-key": `revoke ${link.id}`, "aria-label": `${words.revoke}: ${kind}, ${at}` })] : [];
    return element("li", { class: end === null ? "with-act" : "with-act over" }, text, ...act);
  });
  const told = line.void_before === null ? [] : [element("p", { class: "soft" }, words.voidSince(strings.moment(line.void_before, now)))];
  return card(words.linksTitle, ...told, rows.length === 0 ? element("p", { class: "soft" }, words.linksNone) : element("ul", { class: "plain-list" }, ...rows));
}

/** Why a link works no more; null for one that works. */
function endOf(link: MadeLink, voidBefore: number | null, now: number): string | null {
  if (link.revoked !== null) return words.revoked(strings.moment(link.revoked, now));
  if (link.expires !== null && link.expires <= now) return words.expired;
  return voidBefore !== null && link.made !== null && link.made < voidBefore ? words.voided : null;
}

/** Who watched the line, and what was done to it. */
export function watchedOf(line: LineFacts, now: number): HTMLElement {
  if (line.watched.length === 0) return card(words.watchedTitle, element("p", { class: "soft" }, words.watchedNone));
  const rows = line.watched.map(({ at, who, what, role, address }) => {
    const small = separated([strings.audit.names[what] ?? what, role ?? "", address ?? ""].filter((text) => text !== "").map(isolated));
    return element("li", { class: "with-act" }, element("div", {}, isolated(who), element("small", {}, ...small)), element("time", {}, strings.moment(at, now)));
  });
  return card(words.watchedTitle, element("ul", { class: "plain-list" }, ...rows));
}

function separated(parts: readonly Node[]): Part[] {
  return parts.flatMap((part, i) => (i === 0 ? [part] : [", ", part]));
}

function card(title: string, ...content: readonly Node[]): HTMLElement {
  return element("section", { class: "card" }, element("h2", {}, title), ...content);
}
