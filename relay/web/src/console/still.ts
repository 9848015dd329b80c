// A line as it was at one moment: the subscriber's sentence, figures and charts of that moment, by the page's own code with
// clocks that stand still.

import { part } from "../dom.ts";
import { Controls } from "../line/controls.ts";
import { Monitor } from "../line/monitor.ts";
import { loadSettings, type Settings } from "../line/settings.ts";
import { parseFrame } from "../live/frame.ts";
import { lineCard, linePill } from "./card.ts";

/** A line that stands still. Its elements must stand in the document before `show`. */
export class Still {
  /** The state, for the head. */
  readonly pill = linePill();
  /** Figures, charts and sentence. */
  readonly card = lineCard();

  /** Shows a snapshot frame, of the moment `made` in Unix milliseconds; returns false for one that is none. */
  show(snapshot: unknown, username: string, made: number): boolean {
    const parsed = parseFrame(JSON.stringify(snapshot));
    if (parsed.kind !== "frame" || parsed.frame.type !== "snapshot") return false;
    const settings: Settings = { ...loadSettings(() => localStorage), minutes: 5 };
    const monitor = new Monitor(settings, () => ({ monotonic: 0, wall: made }));
    new Controls(settings, { choose: (chosen) => monitor.choose(chosen), refresh: () => undefined });
    // Nothing newer comes.
    part(this.card, "#refresh").hidden = true;
    monitor.begin({ kind: "username", username }, { kind: "open" });
    monitor.frame(parsed.frame);
    return true;
  }
}
