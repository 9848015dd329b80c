// The state of a line from its feed and its connection.

import type { Target } from "../live/frame.ts";
import type { Link } from "../live/link.ts";
import type { Feed, Instant } from "./feed.ts";
import { type Assessed, assess } from "./states.ts";
import { judge } from "./verdict.ts";

/** Returns the state at an instant. */
export function assessFeed(feed: Feed, link: Link, target: Target | null, at: Instant): Assessed {
  const now = feed.now(at);
  const recent = now === null ? [] : feed.recent(now);
  return assess({
    link,
    byToken: target?.kind === "token",
    online: navigator.onLine,
    status: feed.status,
    age: feed.age(at),
    verdict: judge(recent, feed.plan, recent[recent.length - 1]?.t ?? 0),
    now: now ?? 0,
    wall: at.wall,
  });
}
