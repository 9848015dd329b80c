// Numbers, times and days in one language. The only file that calls Intl: a browser without Intl, or with an odd
// language or time zone, gets plain formats instead of an exception.

/** Writes numbers and instants. Instants are Unix milliseconds, told by the reader's time zone. */
export interface Formats {
  /** A number with `least` to `most` decimals, without grouping. */
  number(value: number, least: number, most: number): string;
  /** "19:25". */
  minutes(t: number): string;
  /** "19:25:13". */
  seconds(t: number): string;
  /** "28 November". */
  day(t: number): string;
  /** "28 Nov". */
  shortDay(t: number): string;
  /** "28 November 2026". */
  date(t: number): string;
}

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
const DAY = { day: "numeric", month: "long" } as const;

/** Returns the formats of the first language tag that the browser takes; plain formats without one. */
export function formats(...languages: readonly string[]): Formats {
  const clock = (options: Intl.DateTimeFormatOptions): ((t: number) => string) | null =>
    first(languages, (language) => writer(new Intl.DateTimeFormat(language, options)));
  const numbers = new Map<string, (value: number) => string>();
  const number = (value: number, least: number, most: number): string => {
    const key = `${least} ${most}`;
    const known = numbers.get(key) ?? numberWriter(languages, least, most);
    numbers.set(key, known);
    return known(value);
  };
  return {
    number,
    minutes: clock(CLOCK) ?? ((t) => plainClock(t).slice(0, 5)),
    seconds: clock({ ...CLOCK, second: "2-digit" }) ?? plainClock,
    day: clock(DAY) ?? ((t) => plainDate(t).slice(5)),
    shortDay: clock({ day: "numeric", month: "short" }) ?? ((t) => plainDate(t).slice(5)),
    date: clock({ ...DAY, year: "numeric" }) ?? plainDate,
  };
}

/** Returns the first language's result that does not throw. */
function first<T>(languages: readonly string[], make: (language: string) => T): T | null {
  for (const language of languages) {
    try {
      return make(language);
    } catch {
      // RangeError for a language or time zone that the browser does not know; TypeError without Intl.
    }
  }
  return null;
}

/** Tries the format once, so that a format that throws is found here. */
function writer(format: Intl.DateTimeFormat): (t: number) => string {
  format.format(0);
  return (t) => format.format(t);
}

function numberWriter(languages: readonly string[], least: number, most: number): (value: number) => string {
  const options = { minimumFractionDigits: least, maximumFractionDigits: most, useGrouping: false };
  const format = first(languages, (language) => new Intl.NumberFormat(language, options));
  return format === null ? (value) => plainNumber(value, least, most) : (value) => format.format(value);
}

function plainNumber(value: number, least: number, most: number): string {
  const text = value.toFixed(most);
  const spare = /0*$/.exec(text)?.[0].length ?? 0;
  return most === 0 ? text : text.slice(0, text.length - Math.min(spare, most - least)).replace(/\.$/, "");
}

const two = (part: number): string => String(part).padStart(2, "0");

function plainClock(t: number): string {
  const at = new Date(t);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
}

/** "2026-11-28": no names of months without a language. */
function plainDate(t: number): string {
  const at = new Date(t);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
