// The viewers' close codes and the page's answer to each. A table and a lookup; a test compares the table with
// shared/golden/close.json.

/** When to come back: with the back-off, not before so many seconds, or not without the reader. */
export type Retry = "back_off" | "never" | number;

/** The code of a connection without a close frame (RFC 6455, section 7.1.5). */
export const NO_CODE = 1006;

/** The codes with words of their own. */
export const LINK_REFUSED = 4102;
export const LINK_EXPIRED = 4103;
export const VIEWER_PROTOCOL = 4101;
export const LINE_FULL = 4104;
export const RELAY_FULL = 4105;
export const VIEWER_TOO_FAST = 4106;
export const TOO_MANY_FAILURES = 4108;
export const OPENED_ELSEWHERE = 4109;
export const TOO_MANY_UNKNOWN = 4110;

const RETRIES: ReadonlyMap<number, Retry> = new Map<number, Retry>([
  [1000, "back_off"],
  [1001, "back_off"],
  [4100, "back_off"],
  [VIEWER_PROTOCOL, "never"],
  [LINK_REFUSED, "never"],
  [LINK_EXPIRED, "never"],
  [LINE_FULL, 30],
  [RELAY_FULL, 30],
  [VIEWER_TOO_FAST, "never"],
  [4107, "back_off"],
  [TOO_MANY_FAILURES, 60],
  [OPENED_ELSEWHERE, "never"],
  [TOO_MANY_UNKNOWN, 60],
]);

/** Returns when to come back after a close code. Unknown codes are transient: most are the network's own. */
export function retryAfter(code: number): Retry {
  return RETRIES.get(code) ?? "back_off";
}
