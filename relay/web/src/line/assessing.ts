// The state of a line from its feed and its connection, and the evidence for it.

import type { Target } from "../live/frame.ts";
import type { Link } from "../live/link.ts";
import type { Feed, Instant } from "./feed.ts";
import { answersOf } from "./response.ts";
import { type Assessed, assess } from "./states.ts";
import { judge, LOOK_BACK } from "./verdict.ts";
import { type Evidence, reasonOf } from "./why.ts";

/** Returns the state at an instant. */
export function assessFeed(feed: Feed, link: Link, target: Target | null, at: Instant): Assessed {
  const evidence = evidenceOf(feed, at);
  return assess({
    link,
    byToken: target?.kind === "token",
    online: navigator.onLine,
    status: feed.status,
    age: feed.age(at),
    verdict: evidence.use,
    finding: reasonOf(evidence),
    now: feed.now(at) ?? 0,
    wall: at.wall,
  });
}

/** Returns the evidence of the last forty seconds at an instant. */
export function evidenceOf(feed: Feed, at: Instant): Evidence {
  const now = feed.now(at);
  const recent = now === null ? [] : feed.recent(now);
  const { isProbed, status } = feed;
  const end = recent[recent.length - 1]?.t ?? 0;
  const probed = recent.filter(({ t }) => t > end - LOOK_BACK);
  return {
    use: judge(recent, feed.plan, end),
    answers: isProbed ? answersOf(probed, status?.quiet ?? null) : null,
    device: feed.own(at),
  };
}
