// The widget's colours by its address: `theme`, `back` and `accent`. A colour that would leave text illegible is not taken.
// Pure but for `dress`.

import { contrast, type Rgb, rgbOf } from "../line/colours.ts";

/** The least contrast of text on its ground (WCAG 2.2, success criterion 1.4.3). */
const CONTRAST = 4.5;

/** The custom properties of widget.css in which text is written. */
const TEXTS = ["--ink", "--soft", "--down", "--up", "--good", "--warn", "--quiet"] as const;

/** The wishes of an address. Colours are `#rrggbb`; null for none, and for a text that is no colour. */
export interface Wishes {
  theme: "light" | "dark" | "auto";
  back: string | null;
  accent: string | null;
}

/** The theme's own colours: the ground, and all text on it. */
export interface Palette {
  ground: string;
  texts: readonly string[];
}

/** Reads the wishes of a query. */
export function readWishes(search: string): Wishes {
  const query = new URLSearchParams(search);
  const theme = query.get("theme");
  return { theme: theme === "light" || theme === "dark" ? theme : "auto", back: colour(query.get("back")), accent: colour(query.get("accent")) };
}

function colour(text: string | null): string | null {
  const digits = /^#?([0-9a-f]{6})$/i.exec(text ?? "")?.[1];
  return digits === undefined ? null : `#${digits.toLowerCase()}`;
}

/** Returns the wished colours that keep every text legible; null where the widget takes its own. */
export function granted({ back, accent }: Wishes, { ground, texts }: Palette): { back: string | null; accent: string | null } {
  const taken = back !== null && texts.every((text) => isLegible(text, back)) ? back : null;
  return { back: taken, accent: accent !== null && isLegible(accent, taken ?? ground) ? accent : null };
}

function isLegible(text: string, ground: string): boolean {
  const [one, other]: (Rgb | null)[] = [rgbOf(text), rgbOf(ground)];
  return one != null && other != null && contrast(one, other) >= CONTRAST;
}

/** Gives the widget its colours, and gives them anew when the reader's own theme changes. */
export function dress(root: HTMLElement, wishes: Wishes): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const wear = (): void => {
    root.dataset["theme"] = wishes.theme === "auto" ? (dark.matches ? "dark" : "light") : wishes.theme;
    for (const name of ["--back", "--accent"]) root.style.removeProperty(name);
    const own = getComputedStyle(root);
    // A style sheet's builder writes #fff for #ffffff.
    const of = (name: string): string => own.getPropertyValue(name).trim().replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3");
    const { back, accent } = granted(wishes, { ground: of("--card"), texts: TEXTS.map(of) });
    if (back !== null) root.style.setProperty("--back", back);
    if (accent !== null) root.style.setProperty("--accent", accent);
  };
  wear();
  dark.addEventListener("change", wear);
}
