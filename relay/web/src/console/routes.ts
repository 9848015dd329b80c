// The console's addresses: a path to a screen, and a screen to a path. Pure.

/** The screens, each with what its address names. */
export type Route =
  | { screen: "lines"; username: string | null; query: string }
  | { screen: "busiest" | "wall" | "people" | "account" | "sign-in" | "invitation" | "missing" }
  | { screen: "routers"; add: boolean }
  /** `number` names one report; `all` lists closed ones too. */
  | { screen: "slow"; number: number | null; all: boolean }
  | { screen: "audit"; who: string; line: string; what: string };

const PLAIN = ["busiest", "wall", "people", "account", "sign-in", "invitation"] as const;

/** Reads a path within the relay's folder, and its query. */
export function readRoute(path: string, search: string): Route {
  const query = new URLSearchParams(search);
  const [first = "", second = "", ...more] = path.replace(/^\/console\/?/, "").split("/");
  const plain = PLAIN.find((screen) => screen === first);
  if (more.length > 0) return { screen: "missing" };
  if (plain !== undefined && second === "") return { screen: plain };
  if (first === "" || first === "lines") {
    return { screen: "lines", username: second === "" ? null : decoded(second), query: query.get("q") ?? "" };
  }
  if (first === "routers" && (second === "" || second === "add")) return { screen: "routers", add: second === "add" };
  if (first === "slow" && /^\d{0,15}$/.test(second)) {
    return { screen: "slow", number: second === "" ? null : Number(second), all: second === "" && query.get("all") === "1" };
  }
  if (first === "audit" && second === "") {
    return { screen: "audit", who: query.get("who") ?? "", line: query.get("line") ?? "", what: query.get("what") ?? "" };
  }
  return { screen: "missing" };
}

/** Returns a route's path within the relay's folder, without the first slash. */
export function pathOf(route: Route): string {
  switch (route.screen) {
    case "lines": {
      const line = route.username === null ? "" : `/${encodeURIComponent(route.username)}`;
      return `console/lines${line}${queryOf({ q: route.query })}`;
    }
    case "routers":
      return route.add ? "console/routers/add" : "console/routers";
    case "slow":
      return route.number === null ? `console/slow${queryOf({ all: route.all ? 1 : "" })}` : `console/slow/${route.number}`;
    case "audit":
      return `console/audit${queryOf({ who: route.who, line: route.line, what: route.what })}`;
    default:
      return `console/${route.screen}`;
  }
}

/** Returns a query of the values that are not empty, with its question mark. */
export function queryOf(values: Readonly<Record<string, string | number>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== "");
  return given.length === 0 ? "" : `?${given.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
