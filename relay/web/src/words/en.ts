// Every word of the page, in one language. Another language is another object of this shape; numbers and times follow
// its `language`. The build fills index.html's {{names}} from `page` as well.

const language = "en";

/** The words that never change while the page is open; index.html names them. */
const page = {
  language,
  product: "Linelight",
  noScript: "This page shows your line's figures as they happen, and needs JavaScript for it. Please allow it for this page.",
  line: "Your line",
  now: "Right now",
  meaning: "What this means",
  lately: "How it was lately",
  download: "Download",
  upload: "Upload",
  downloadChart: "Chart of your download",
  uploadChart: "Chart of your upload",
  window: "How far back the chart shows",
  peak: "Peak",
  average: "Average",
  refresh: "Refresh",
  table: "Figures as a table",
  time: "Time",
  help: "About this page",
} as const;

const decimals = new Map<string, Intl.NumberFormat>();

/** A number with between `least` and `most` decimals. */
function number(value: number, least: number, most = least): string {
  const key = `${least} ${most}`;
  let format = decimals.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(language, {
      minimumFractionDigits: least,
      maximumFractionDigits: most,
      useGrouping: false,
    });
    decimals.set(key, format);
  }
  return format.format(value);
}

const clockSeconds = new Intl.DateTimeFormat(language, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const clockMinutes = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dayOnly = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long" });
const dayAndYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });

/** An instant for people, by the reader's time zone: the time alone if it is of the same day as `now`. */
function moment(t: number, now: number): string {
  const day = dayAndYear.format(t);
  return day === dayAndYear.format(now) ? clockMinutes.format(t) : `${clockMinutes.format(t)} on ${dayOnly.format(t)}`;
}

/** "10 s", "3 min". */
function duration(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
}

const since = (t: number | null, now: number): string => (t === null ? "" : ` since ${moment(t, now)}`);

const words = {
  number,
  timeWithSeconds: (t: number): string => clockSeconds.format(t),
  timeWithMinutes: (t: number): string => clockMinutes.format(t),
  date: (t: number): string => dayAndYear.format(t),

  dash: "–",
  minutes: (count: number): string => (count < 120 ? `${count} min` : `${count / 60} h`),
  everySeconds: (milliseconds: number): string => `every ${number(milliseconds / 1_000, 0, 1)} seconds`,
  rate: (figure: string, unit: string): string => `${figure} ${unit}`,
  share: (amount: string, limit: string): string => `${amount} of ${limit}`,
  underOne: "<1",
  percentOfPlan: (percent: number, limit: string): string =>
    percent > 0 && percent < 0.5 ? `<1 % of ${limit}` : `${number(Math.round(percent), 0)} % of ${limit}`,
  planUnknown: "Plan not known",
  planIs: (limit: string): string => `Plan ${limit}`,
  planLine: (limit: string): string => `plan ${limit}`,
  planAbove: (limit: string): string => `↑ plan ${limit}`,
  tableCaption: (minutes: number): string =>
    `Download and upload, the last ${minutes === 1 ? "minute" : minutes < 120 ? `${minutes} minutes` : `${minutes / 60} hours`}`,
  tableCoarse: (caption: string, over: string): string => `${caption}; in part from averages over ${over}`,
  coarse: (over: string): string => `Pale: averages over ${over}, from when this page had no live figures.`,
  seconds: (milliseconds: number): string => `${number(milliseconds / 1_000, 0, 1)} seconds`,
  tableSpan: (from: string, to: string): string => `${from} to ${to}`,
  tableNow: "Now",
  tablePlan: "Plan",
  showBytes: "Show in MB/s",
  showBits: "Show in Mbps",
  tip: "Tip: you can bookmark this page and open it whenever the internet feels slow.",
  tipExpires: (date: string): string => `This link works until ${date}.`,

  title: (figures: string, name: string): string => `${figures} · ${name}`,
  titleFigures: (download: string, upload: string): string => `↓ ${download} ↑ ${upload}`,
  spoken: (pill: string, download: string, upload: string, verdict: string): string =>
    `${pill}. Download ${download}, upload ${upload}. ${verdict}`,
  spokenState: (pill: string, title: string, detail: string): string => `${pill}. ${title} ${detail}`,

  verdict: {
    notASpeedTest: "This is what your devices use right now, not a speed test.",
    noPlan: "Your line is working.",
    gathering: "Looking at your line…",
    full: (share: string, seconds: number): string => `${share} for ${duration(seconds)}: your line is in full use.`,
    fullDetail: "See which device is busy. This is use, not a speed test.",
    uploadFull: (share: string, seconds: number): string => `${share} for ${duration(seconds)}: your upload is in full use.`,
    uploadFullDetail: "That slows everything. Look for a backup or photos being sent. This is use, not a speed test.",
    over: (amount: string, limit: string): string => `${amount}, more than your plan's ${limit}: your line is in full use.`,
    busy: (share: string): string => `${share}: your line is busy, but not full.`,
    quiet: (share: string): string => `${share}: almost nothing uses your line.`,
    quietDetail: "If it feels slow, look at the Wi-Fi. This is use, not a speed test.",
    room: "Your line has room to spare.",
  },

  state: {
    connecting: { pill: "Connecting", title: "Connecting to your line…", detail: "The first figures are on their way." },
    running: {
      pill: "Running",
      waitTitle: "Your line is connected.",
      waitDetail: "Waiting for the first figures from the router.",
      lateTitle: "Your line is connected, but its figures are late.",
      lateDetail: "They come back by themselves. Nothing old is shown meanwhile.",
      busy: (every: string): string => `The router is busy, so figures come only ${every}.`,
      averages: (over: string): string => `The router gives no live figures for this line: these are averages over ${over}.`,
      sessions: (count: number): string => `These are ${count} connections of your line together.`,
    },
    tooManyWatched: {
      title: "Your line is connected, but its figures have to wait.",
      detail: "The router measures as many lines as it may. Yours follows.",
    },
    stalled: {
      pill: "No figures",
      title: "Your line is connected, but no figures are coming.",
      detail: "That says nothing about your line. They come back by themselves.",
    },
    offline: {
      pill: "Not connected",
      title: (at: number | null, now: number): string => `Your router is not connected to us${since(at, now)}.`,
      detail: "Check that it has power. If it has, call your provider.",
    },
    unreachable: {
      pill: "Out of sight",
      title: (at: number | null, now: number): string =>
        at === null ? "We cannot see your router at the moment." : `We cannot see your router${since(at, now)}.`,
      detail: "That does not mean that your line is down. We keep looking.",
    },
    unknown: {
      pill: "Not known",
      title: "We have no figures for this line.",
      detail: "If it is new, come back later. If it is not, ask your provider.",
    },
    starting: {
      pill: "Starting",
      title: "Our monitoring has just started.",
      detail: "Your line's figures should follow within a minute.",
    },
    lost: {
      pill: "Connection lost",
      title: "This page lost its connection and is trying again.",
      neverTitle: "This page cannot reach the monitoring and is trying again.",
      detail: "Often it is this device's own connection. Your line may be fine.",
      offlineDetail: "This device says that it has no network. Check its Wi-Fi or mobile data.",
    },
    paused: {
      pill: "Paused",
      title: "This page paused while it was in the background.",
      detail: "It goes on as soon as you look at it.",
    },
    lineFull: {
      pill: "Many viewers",
      title: "Too many people are watching this line.",
      detail: "Close this page elsewhere. It tries again in half a minute.",
    },
    relayFull: {
      pill: "Very busy",
      title: "Too many people are watching their lines right now.",
      detail: "Your line is not affected. This page tries again in half a minute.",
    },
    tooManyFailures: {
      pill: "Not accepted",
      title: "This link was not accepted.",
      detail: "Too many links from your network were refused just now. This page tries again in a minute; if it stays like this, please ask your provider for a new link.",
    },
    expired: {
      pill: "Link expired",
      title: "This link has expired.",
      detail: "Ask your provider for a new one.",
    },
    refused: {
      pill: "Link not valid",
      title: "This link does not open a line.",
      detail: "Check that you have all of it: mail programs sometimes cut links off. Otherwise ask your provider for a new one.",
    },
    nameRefused: {
      pill: "Link needed",
      title: "Your line opens with a link of its own.",
      detail: "A name alone is not enough here. Use the link that your provider sent you, or ask for one.",
    },
    outdated: {
      pill: "Reload needed",
      title: "This page is older than the service behind it.",
      detail: "Reload it in your browser. If that does not help, tell your provider.",
    },
    tooFast: {
      pill: "Stopped",
      title: "This page asked for figures too often and was stopped.",
      detail: "Wait a minute and press Refresh.",
    },
    none: {
      pill: "No link",
      title: "This page needs your line's link.",
      detail: "Open the whole link that your provider sent you. It is long, and it says which line is yours.",
    },
    elsewhere: {
      pill: "Not found",
      title: "There is nothing at this address.",
      detail: "Open the whole link that your provider sent you.",
    },
  },
} as const;

/** All strings. */
export const strings = { ...words, page };
