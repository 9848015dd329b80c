// The provider's colour for upload, made legible: the same hue, darkened for the light theme and lightened for the dark
// theme until text in the colour has enough contrast. Pure but for `paint`.

/** The least contrast of text on its card (WCAG 2.2, success criterion 1.4.3). */
const CONTRAST = 4.5;

/** The cards of the two themes; style.css has the same. */
const CARDS = { light: [255, 255, 255], dark: [23, 28, 36] } as const;

/** One step towards black or white. */
const STEP = 0.04;

/** A colour's parts, from 0 to 255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** Returns a colour of the form `#rrggbb` for both themes; null for any other text. */
export function uploadColours(text: string): { light: string; dark: string } | null {
  const colour = rgbOf(text);
  return colour && { light: legible(colour, CARDS.light, 0), dark: legible(colour, CARDS.dark, 255) };
}

/** Returns the parts of a colour of the form `#rrggbb`; null for any other text. */
export function rgbOf(text: string): Rgb | null {
  const parts = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text);
  return parts && [hex(parts[1]), hex(parts[2]), hex(parts[3])];
}

/** Gives the page the upload's colour that index.html names, if index.html names one. */
export function paint(root: HTMLElement): void {
  const colours = uploadColours(root.dataset["upload"] ?? "");
  if (colours === null) return;
  root.style.setProperty("--upload-light", colours.light);
  root.style.setProperty("--upload-dark", colours.dark);
}

function hex(text: string | undefined): number {
  return parseInt(text ?? "0", 16);
}

function legible(colour: Rgb, card: Rgb, towards: number): string {
  let mixed = colour;
  for (let share = 0; contrast(mixed, card) < CONTRAST && share < 1; share += STEP) {
    mixed = colour.map((part) => Math.round(part + (towards - part) * share)) as unknown as Rgb;
  }
  return `#${mixed.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

/** The contrast ratio of two colours (WCAG 2.2). */
export function contrast(one: Rgb, other: Rgb): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
