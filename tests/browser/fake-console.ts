// The console's API by script, for a scripted relay: some people, lines, routers, an audit log, and whatever goes wrong. It speaks
// the console's contract and remembers what it was asked.

import type { IncomingMessage, ServerResponse } from "node:http";
import { type FakeRelay, type Frame, history, people as rates, snapshot } from "./fake-relay.ts";

/** Names that would like to be something else: HTML, another direction, a formula. */
export const HOSTILE = {
  customer: `<img src=x onerror="document.title='owned'"> \u202Egpj.exe`,
  username: `"><script>alert(1)</script>`,
};

/** A picture of a QR code, as far as the console looks at it. */
const QR = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 29 29"><rect width="29" height="29" fill="#fff"/><path d="M0 0h7v7h-7zM22 0h7v7h-7zM0 22h7v7h-7zM10 10h9v9h-9z"/></svg>`;

const M = 1_000_000;

type Json = Record<string, unknown>;

/** One request that came. */
export interface Asked {
  method: string;
  path: string;
  body: Json;
  authorization: string | undefined;
}

interface Reply {
  status: number;
  body: Json;
  cookie?: string;
}

interface Line {
  username: string;
  customer: string | null;
  package: string | null;
  state: string;
  phone: string;
  reference: string;
  down: number | null;
  limit: number;
}

const LINES: Line[] = [
  line("4446@karoo.example", "Nkosi household", "Fibre Direct 20/5", "full", "083 555 0117", "KW-10446", 18.9, 20),
  line("4440@karoo.example", "Panadería El Trébol", "Business 50/25", "running", "051 555 0190", "KW-10440", 3.21, 50),
  line("sari.warung", "Warung Bu Sari", "Rumah 30", "running", "+62 812 5550 4441", "ID-2087", 11.4, 30),
  line("4449@karoo.example", "محمد عبد الله الحسيني", "باقة المنزل 50/10", "not-connected", "082 555 0121", "KW-10449", null, 50),
  line("protea-motors", "Protea Motors (Pty) Ltd, workshop and parts counter", "Fibre Direct 100/50", "out-of-sight", "051 555 0144", "KW-20444", null, 100),
  line("clinic-stanne", "St Anne’s Clinic", "Business 50/25", "no-figures", "051 555 0180", "KW-04440", null, 50),
  line("kovaleva@karoo.example", "Нина Ковалёва", "Fibre Direct 20/5", "running", "079 555 0444", "KW-11902", 0.03, 20),
  line("new-4447", null, null, "never-seen", "", "", null, 20),
  line(HOSTILE.username, HOSTILE.customer, "=cmd|' /C calc'!A0", "running", "", "", 1.5, 20),
];

/** The console's API. */
export class FakeConsole {
  readonly #relay: FakeRelay;
  readonly asked: Asked[] = [];
  /** Answers that come in place of the usual ones, by method and the path's begin. */
  readonly instead = new Map<string, Reply>();
  /** Answers wait for these, by the path's begin. */
  readonly held = new Map<string, Promise<void>>();
  signedIn = false;
  role: "support" | "admin" = "admin";
  totp = false;
  totpRequired = false;
  companySignIn = false;
  hasRouters = true;
  /** How far a router that is being added is. */
  steps = { paste: false, heard: false, router: false, sessions: false };
  #added: Json | null = null;
  #links: Json[] = [];
  #voidBefore: number | null = null;
  /** The slow reports, the newest first. */
  slow = slowReports();

  constructor(relay: FakeRelay) {
    this.#relay = relay;
    relay.console = (path, request, response) => this.#serve(path, request, response);
    relay.answer = (viewer, watch) => {
      const found = LINES.find(({ username }) => username === watch["username"]);
      const limit = (found?.limit ?? 20) * M;
      const whose = { username: String(watch["username"]), display: String(watch["username"]), customer: found?.customer ?? null, package: found?.package ?? null, expires: null };
      const plan = { down: limit, up: limit / 4 };
      if (found?.down !== null && found !== undefined) {
        const mean = (found.down ?? 0) * M;
        return viewer.send(snapshot({ ...whose, plan, response: "router", quiet: 12_000, history: answered(history(300, Date.now(), (age) => ({ down: found.state === "full" ? mean : Math.min(limit * 0.6, (rates(age)?.down ?? 0) * (mean / 20e6)), up: (rates(age)?.up ?? 0) / 2 })), found.state === "full" ? 184_000 : 12_400) }));
      }
      const name = { "out-of-sight": "unreachable", "no-figures": "stalled", "not-connected": "offline" }[found?.state ?? ""] ?? "unknown";
      const past = history(120, Date.now() - 900_000, () => ({ down: limit * 0.3, up: limit * 0.02 }));
      viewer.send(snapshot({ ...whose, plan, history: past, state: name, sessions: 0, since: Date.now() - 900_000 }));
    };
  }

  /** The requests of one kind: `POST sign-in`. */
  requests(kind: string): Asked[] {
    return this.asked.filter(({ method, path }) => `${method} ${path}`.startsWith(kind));
  }

  /** Lets every change fail, as with a store that takes none. */
  failStore(): void {
    this.instead.set("POST lines/", problem(503, "store", "The store does not take this."));
  }

  async #serve(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await read(request);
    const asked = { method: request.method ?? "GET", path, body, authorization: request.headers.authorization };
    this.asked.push(asked);
    const held = [...this.held].find(([begin]) => path.startsWith(begin));
    if (held !== undefined) await held[1];
    const other = [...this.instead].find(([begin]) => `${asked.method} ${path}`.startsWith(begin));
    const reply = other?.[1] ?? this.#reply(asked);
    const type = reply.status < 400 ? "application/json" : "application/problem+json";
    response.writeHead(reply.status, { "content-type": type, "cache-control": "no-store" });
    response.end(JSON.stringify(reply.body));
  }

  #reply(asked: Asked): Reply {
    const [path = "", query = ""] = asked.path.split("?");
    const parameters = new URLSearchParams(query);
    if (asked.method === "POST" && /^(sign-in|invitation|totp\/(begin|confirm))/.test(path)) return this.#signIn(path, asked.body);
    if (path === "wall") return asked.authorization === "Bearer wall-token" ? ok(board()) : problem(401, "signed-out", "This address has ended.");
    if (!this.signedIn) return { ...problem(401, "signed-out", "Nobody is signed in."), body: { ...problem(401, "signed-out", "Nobody is signed in.").body, company_sign_in: this.companySignIn } };
    const name = decodeURIComponent(path.split("/")[1] ?? "");
    if (asked.method === "POST") return this.#change(path, name, asked.body);
    switch (path.split("/")[0]) {
      case "me":
        return ok({ name: "Naledi Mokoena", role: this.role, totp: this.totp, totp_required: this.totpRequired, by: "password", brand: "Karoo Wireless", announce_support: true, idle_until: Date.now() + 1e7, until: Date.now() + 1e8 });
      case "lines":
        return name === "" ? ok(found(parameters.get("q") ?? "")) : this.#line(name);
      case "busiest":
        return ok(board());
      case "routers":
        return this.#routers(name);
      case "slow":
        return this.#slow(name, parameters);
      case "people":
        return this.role === "admin" ? ok({ people: people() }) : problem(403, "role", "Only an admin may do that.");
      case "audit":
        return ok({ entries: audit(parameters), more: parameters.get("before") === null });
      default:
        return problem(404, "unknown", "There is nothing here.");
    }
  }

  #signIn(path: string, body: Json): Reply {
    const done = (): Reply => {
      this.signedIn = true;
      return ok({ step: "done" });
    };
    switch (path) {
      case "sign-in":
        if (body["password"] !== "correct horse") return problem(401, "wrong", "Name or password is wrong.");
        // Without the second factor that everybody needs, the person is in, and can only set it up.
        return this.totp ? ok({ step: "code" }) : done();
      case "sign-in/code":
        return ["123456", "abcd-efgh"].includes(String(body["code"])) ? done() : problem(401, "wrong", "This code is wrong.");
      case "sign-in/once":
        return body["token"] === "once-token" ? done() : problem(401, "wrong", "This address has been used.");
      case "invitation/look":
        return body["token"] === "invited" ? ok({ name: "sipho", role: "support" }) : problem(404, "unknown", "No such invitation.");
      case "invitation":
        return String(body["password"]).length < 10 ? problem(400, "password", "The password is too short: at least 10 characters.") : done();
      case "totp/begin":
        return ok({ secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", uri: "otpauth://totp/x", qr_svg: QR });
      default:
        if (body["code"] !== "123456") return problem(401, "wrong", "This code is wrong.");
        this.totp = true;
        this.signedIn = true;
        return ok({ recovery_codes: ["abcd-efgh", "ijkl-mnop", "qrst-uvwx", "yzab-cdef", "ghij-klmn", "opqr-stuv", "wxyz-abcd", "efgh-ijkl"] });
    }
  }

  #change(path: string, name: string, body: Json): Reply {
    if (path.startsWith("slow/")) return this.#changeSlow(path.split("/")[2] ?? "", name, body);
    const kind = path.split("/").slice(path.startsWith("lines/") || path.startsWith("routers/") || path.startsWith("people/") ? 2 : 0).join("/");
    const url = `${this.#relay.origin}/#eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0NDQ2In0.c2lnbmF0dXJl`;
    switch (kind) {
      case "links": {
        const expires = Date.now() + (body["kind"] === "personal" ? 365 : 1) * 86_400_000;
        const text = `Karoo Wireless: see your line live.\n${url}\nDo not pass it on: it shows your line.`;
        const link = { id: `link-${this.#links.length + 1}`, url, expires, text, whatsapp: `https://wa.me/?text=${encodeURIComponent(text)}`, mail: `mailto:?body=${encodeURIComponent(text)}`, qr_svg: QR };
        this.#links.push({ id: link.id, kind: body["kind"], made: Date.now(), by: "Naledi Mokoena", expires, revoked: null, last_used: null });
        return ok(link);
      }
      case "slow":
        this.slow.unshift(slowReport(18, name, Date.now(), String(body["words"]), { by: "Naledi Mokoena" }));
        return ok({ number: 18, made: Date.now(), answer: null, closed: null });
      case "code":
        return ok({ code: "48271930", expires: Date.now() + 600_000 });
      case "void":
        this.#voidBefore = Date.now();
        return ok({});
      case "sign-out":
        if (path === "sign-out") this.signedIn = false;
        return ok({});
      case "password":
        return body["old"] === "correct horse" ? ok({}) : problem(401, "wrong", "The password is wrong.");
      case "routers":
        this.#added = { ...router(String(body["name"]), null), patterns: body["patterns"], connected_since: null, version: null, sessions: null, watched: null, board: null, routeros: null, identity: null, delay_ms: null, response_us: null, backlog: null };
        return ok({ script: `{\n# Linelight agent "${String(body["name"])}"\n:local token "ll_agent_4fJq9"\n:put "a line that is far too long for a telephone, and so the box scrolls by itself and nothing else does"\n}`, token_shown_once: true });
      case "token":
        return ok({ script: `{\n# A new token for "${name}"\n}` });
      case "people":
      case "invite":
        return ok({ url: `${this.#relay.origin}/console/invitation#invited`, expires: Date.now() + 86_400_000 });
      case "wall/token":
        return ok({ url: `${this.#relay.origin}/console/wall#wall-token` });
      default:
        if (kind.endsWith("/revoke")) for (const link of this.#links) link["revoked"] = link["revoked"] ?? Date.now();
        return ok({});
    }
  }

  #changeSlow(what: string, number: string, body: Json): Reply {
    const report = this.slow.find((report) => String(report["number"]) === number && report["closed"] === null);
    if (report === undefined) return problem(404, "unknown", "No open report has this number.");
    if (what === "close") Object.assign(report, { closed: Date.now(), closed_by: "Naledi Mokoena" });
    else Object.assign(report, { answer: body["answer"], answered: Date.now(), answered_by: "Naledi Mokoena" });
    return ok({});
  }

  #line(username: string): Reply {
    const found = LINES.find((line) => line.username === username);
    if (found === undefined) return { status: 404, body: { ...problem(404, "unknown", "Nobody knows this line.").body, meant: [{ likeness: "realm", username: "4446@karoo.example", customer: "Nkosi household" }] } };
    const now = Date.now();
    const isOn = found.down !== null;
    return ok({
      username, customer: found.customer, package: found.package,
      fields: { reference: found.reference, phone: found.phone, address: "12 Long Street, Bloemfontein" },
      state: found.state, since: now - 216_000_000, plan: { down: found.limit * M, up: (found.limit * M) / 4, from: "router" }, notice: null,
      viewers: 2, staff: 1, last_arrival: isOn ? now : now - 900_000,
      reports: [{ agent: "tower-north", router: "Tower North", board: "RB5009", routeros: "7.20.4", role: "concentrator", sessions: isOn ? 1 : 0, since: isOn ? now - 216_000_000 : null, unreachable_since: found.state === "out-of-sight" ? now - 900_000 : null, counts: true, why: null }],
      refused: username === "4446@karoo.example" ? [
        { at: now - 360_000, what: "The customer's link had expired.", times: 3, remedy: "It ended on 19 November. Send a new one." },
        { at: now - 86_400_000, what: "A link was cut short.", times: 1, remedy: "The mail program broke it. WhatsApp keeps it whole." },
      ] : [],
      links: [...this.#links, { id: "old", kind: "personal", made: now - 8e9, by: "billing", expires: now - 8e8, revoked: null, last_used: now - 9e8 }],
      void_before: this.#voidBefore,
      watched: [{ at: now - 60_000, who: "Naledi Mokoena", what: "watched", role: "admin", address: "198.51.100.4" }, { at: now - 9e7, who: HOSTILE.customer, what: "link-made", role: "support", address: "198.51.100.9" }],
      meant: [],
    });
  }

  #slow(number: string, parameters: URLSearchParams): Reply {
    const open = this.slow.filter(({ closed }) => closed === null).length;
    if (number === "") {
      const reports = this.slow.filter(({ closed }) => parameters.get("before") !== "1" && (closed === null || parameters.get("open") !== "1"));
      return ok({ reports, open, more: false });
    }
    const report = this.slow.find((report) => String(report["number"]) === number);
    if (report === undefined) return problem(404, "unknown", "No open report has this number.");
    const made = Number(report["made"]);
    const past = history(300, made - 400, (age) => (age < 90 ? { down: 18.9e6, up: 0.4e6 } : rates(age)));
    return ok({ report, snapshot: snapshot({ now: made, since: made - 7e6, username: report["username"], display: report["username"], plan: { down: 20e6, up: 5e6 }, response: "router", quiet: 12_000, history: answered(past, 312_000) }) });
  }

  #routers(name: string): Reply {
    const now = Date.now();
    const added = this.#added === null ? [] : [this.#withSteps(this.#added)];
    if (name !== "") {
      const known = added.find((router) => router["name"] === name);
      return known === undefined ? problem(404, "unknown", "No such router.") : ok({ router: known, steps: this.steps });
    }
    if (!this.hasRouters) return ok({ routers: added });
    const lost = { ...router("tower-dam", { what: "Not heard since 19:12. Its last words: the relay's name is not resolved.", remedy: "The router's DNS server did not answer. On the router: /ip/dns/print" }), lost_since: now - 1_800_000, board: "CCR2004-1G-12S+2XS" };
    const busy = { ...router("tower-west", { what: "The router is busy, so figures come only every 5 seconds.", remedy: "Fewer lines watched at once help: 14 are." }), backlog: { bytes: 90_000, seconds: 18 } };
    return ok({ routers: [router("bogota-1", null), { ...router("bandung-2", null), newer: true, version: "1.2.4" }, lost, busy, ...added] });
  }

  #withSteps(added: Json): Json {
    const { heard, router: answers, sessions } = this.steps;
    return { ...added, connected_since: heard ? Date.now() - 1_000 : null, board: answers ? "hAP ax³" : null, sessions: sessions ? 412 : null };
  }
}

function line(username: string, customer: string | null, pack: string | null, state: string, phone: string, reference: string, down: number | null, limit: number): Line {
  return { username, customer, package: pack, state, phone, reference, down, limit };
}

function ok(body: Json): Reply {
  return { status: 200, body };
}

/** A refusal (RFC 9457). */
export function problem(status: number, reason: string, detail: string, more: Json = {}): Reply {
  return { status, body: { type: "about:blank", title: reason, status, detail, reason, ...more } };
}

async function read(request: IncomingMessage): Promise<Json> {
  let text = "";
  for await (const piece of request) text += String(piece);
  return text === "" ? {} : (JSON.parse(text) as Json);
}

/** The lines of a search: each of its words begins some word of the line. */
function found(query: string): Json {
  const words = query.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
  const fields = (line: Line): [string, string][] => [["customer", line.customer ?? ""], ["username", line.username], ["package", line.package ?? ""], ["phone", line.phone], ["reference", line.reference]];
  const begins = (text: string, word: string): boolean => text.toLowerCase().split(/[^\p{L}\p{N}]+/u).some((part) => part.startsWith(word));
  const hits = LINES.filter((line) => words.every((word) => fields(line).some(([, text]) => begins(text, word))));
  const lines = (words.length === 0 ? LINES.slice(0, 3) : hits).map((line) => {
    const field = fields(line).find(([, text]) => words.some((word) => begins(text, word)));
    return {
      username: line.username, customer: line.customer, package: line.package, state: line.state, since: Date.now() - 4_800_000,
      down: line.down === null ? null : line.down * M, up: line.down === null ? null : 0.4 * M,
      plan: { down: line.limit * M, up: (line.limit * M) / 4 }, spark: sparkOf(line),
      matched: words.length > 0 && field !== undefined ? { field: field[0], text: field[1] } : null,
    };
  });
  return { total: 18_412, hits: words.length === 0 ? 0 : hits.length, lines };
}

function sparkOf({ down, limit }: Pick<Line, "down" | "limit">): (number | null)[] {
  if (down === null) return [];
  return Array.from({ length: 40 }, (_, i) => (i > 20 && i < 23 ? null : Math.min(limit, down * (0.6 + 0.4 * Math.sin(i) ** 2)) * M));
}

/** The busiest lines; their ranks are their order. */
export function board(): Json {
  const lines = LINES.filter(({ down }) => down !== null).map((line, i) => ({
    rank: i + 1, username: line.username, customer: line.customer, agent: "tower-north", down: (line.down ?? 0) * M, up: i === 2 ? 7.2 * M : 0.3 * M,
    plan: { down: line.limit * M, up: (line.limit * M) / 4 }, share: (line.down ?? 0) / line.limit, spark: sparkOf(line),
  }));
  const agents = [
    { name: "bogota-1", down: 18.2e9, up: 2.1e9, lines: 6_210, lost_since: null },
    { name: "tower-north", down: 9.84e9, up: 1.2e9, lines: 4_871, lost_since: null },
    { name: "tower-dam", down: 0, up: 0, lines: 22, lost_since: Date.now() - 1_800_000 },
  ];
  return { at: Date.now(), lines, states: { running: 17_905, full: 212, not_connected: 485, out_of_sight: 22, no_figures: 0 }, agents };
}

function router(name: string, fault: Json | null): Json {
  const since = Date.now() - 1_209_600_000;
  return { name, patterns: ["*@karoo.example"], connected_since: since, lost_since: null, version: "1.3.0", newer: false, identity: name, board: "CCR2216-1G-12XS-2XQ", routeros: "7.20.4", sessions: 6_210, watched: 31, response_us: 4_000, delay_ms: 88, backlog: { bytes: 0, seconds: 0 }, fault };
}

function people(): Json[] {
  const now = Date.now();
  return [
    { name: "Naledi Mokoena", role: "admin", made: now - 9e9, last_seen: now - 1_000, totp: true, invited_until: null, by: "password" },
    { name: "sipho", role: "support", made: now - 1e8, last_seen: null, totp: false, invited_until: now + 8e7, by: "password" },
    { name: HOSTILE.customer, role: "support", made: now - 1e9, last_seen: now - 1e8, totp: false, invited_until: null, by: "company" },
  ];
}

function audit(parameters: URLSearchParams): Json[] {
  const now = Date.now();
  const before = Number(parameters.get("before") ?? 1_000);
  const kinds = ["watched", "link-made", "sign-in-refused", "router-added", "links-void"];
  const entries = Array.from({ length: 12 }, (_, i) => ({
    id: before - i - 1, at: now - (1_001 - before + i) * 600_000, who: i % 5 === 2 ? null : "Naledi Mokoena", role: i % 5 === 2 ? null : "admin", address: "198.51.100.4",
    what: kinds[i % 5], line: i % 5 < 2 ? (i === 6 ? HOSTILE.username : "4446@karoo.example") : null, detail: i === 6 ? HOSTILE.customer : i % 5 === 3 ? "tower-klein" : null,
  }));
  const what = parameters.get("what");
  return what === null ? entries : entries.filter((entry) => entry.what === what);
}

/** A history with a response of so many microseconds beside each sample. */
function answered(columns: Frame, rtt: number): Frame {
  return { ...columns, rtt: (columns["t"] as number[]).map((_, i) => rtt + 9_000 * ((i * 7) % 3)) };
}

function slowReport(number: number, username: string, made: number, words: string, more: Json = {}): Json {
  return { number, username, made, by: null, words, answer: null, answered: null, answered_by: null, closed: null, closed_by: null, ...more };
}

function slowReports(): Json[] {
  const now = Date.now();
  return [
    slowReport(17, "4446@karoo.example", now - 240_000, "Films stop every minute, since noon. The lights of the router are green."),
    slowReport(16, "sari.warung", now - 7_200_000, HOSTILE.customer, { answer: "A mast has no power. Somebody is on the way.", answered: now - 6_900_000, answered_by: "Naledi Mokoena" }),
    slowReport(12, "kovaleva@karoo.example", now - 90_000_000, "", { by: "sipho", answer: "The cable was changed.", answered: now - 80_000_000, answered_by: "Naledi Mokoena", closed: now - 79_000_000, closed_by: "sipho" }),
  ];
}
