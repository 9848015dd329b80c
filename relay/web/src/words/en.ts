// Every word of the page in English. Another language is another object of the same shape; numbers and times follow
// `language`. The build fills index.html's {{names}} from `page`.

import { formats } from "./formats.ts";

const language = "en";

/** The words that stay the same while the page is open. */
const page = {
  language,
  product: "Linelight",
  description: "Shows what your internet line carries right now.",
  noScript: "This page shows your line's figures as they happen, and needs JavaScript for that. Please allow JavaScript for this page.",
  notStarted: "This page did not start. Reload it. If that does not help, try another browser, or ask your provider.",
  fault: "Something on this page went wrong. The figures go on if they can. Reload the page to mend it.",
  chartFault: "This browser cannot draw the chart. The table below has the same figures.",
  line: "Your line",
  connecting: "Connecting to your line…",
  connectingPill: "Connecting",
  connectingDetail: "The first figures are on their way.",
  now: "Right now",
  meaning: "How your line is",
  lately: "How it was lately",
  download: "Download",
  upload: "Upload",
  window: "How far back the chart shows",
  peak: "Peak",
  average: "Average",
  refresh: "Refresh",
  table: "Figures as a table",
  time: "Time",
  help: "About this page",
  reading: "Time in the charts",
  support: "Questions? Your provider:",
  code: "Or type the code that your provider read to you",
  codeOpen: "Open",
  why: "Why do we say that?",
  response: "Response",
  typical: "Typical",
  lost: "Lost",
  slow: "It is slow now",
  slowWords: "What is slow? You may leave this out.",
  slowHelp: "Your provider gets the figures of the last two hours with it.",
  slowSend: "Tell my provider",
  sees: "What does this page see?",
  seesRates:
    "How much your line carries in each direction, each second, from your provider's router. Your provider's staff can see the same. The page shows the last two hours.",
  seesResponse: "How quickly your line answers a small probe each second, where your provider measures that, and only while somebody looks.",
  seesNever: "Never what you do: no sites, no apps, no messages, and none of your devices.",
  looking: "Your provider is looking at this line too.",
} as const;

// Days are written as "28 November 2026", not as "November 28, 2026".
const write = formats(language);
const writeDay = formats("en-GB", language);

/** Keeps a figure and its unit on one line. */
const NO_BREAK = "\u00a0";

/** An instant for people: the time alone on the day of `now`. */
function moment(t: number, now: number): string {
  return writeDay.date(t) === writeDay.date(now) ? write.minutes(t) : `${write.minutes(t)} on ${writeDay.day(t)}`;
}

/** "10 s", "3 min", "2 h". */
function duration(seconds: number): string {
  if (seconds < 120) return `${seconds}${NO_BREAK}s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes}${NO_BREAK}min` : `${Math.floor(minutes / 60)}${NO_BREAK}h`;
}

const since = (t: number | null, now: number): string => (t === null ? "" : ` since ${moment(t, now)}`);

/** When the page tries again: null while an attempt is under way. */
const again = (seconds: number | null): string =>
  seconds === null ? "It tries again now." : `It tries again in ${duration(seconds)}.`;

const words = {
  number: write.number,
  timeWithSeconds: write.seconds,
  timeWithMinutes: write.minutes,
  day: writeDay.shortDay,
  date: writeDay.date,

  /** A response without its unit, from microseconds: "8.3", "340". */
  response: (microseconds: number): string =>
    microseconds < 100 ? "<0.1" : write.number(microseconds / 1_000, 0, microseconds < 9_950 ? 1 : 0),
  /** A response with its unit; a dash for null. */
  milliseconds: (microseconds: number | null): string =>
    microseconds === null ? words.dash : `${words.response(microseconds)}${NO_BREAK}ms`,

  dash: "–",
  comma: ", ",
  minutes: (count: number): string => (count < 120 ? `${count} min` : count <= 1_440 ? `${count / 60} h` : `${count / 1_440} days`),
  rate: (figure: string, unit: string): string => `${figure}${NO_BREAK}${unit}`,
  share: (amount: string, limit: string): string => `${amount}${NO_BREAK}of${NO_BREAK}${limit}`,
  underHundredth: "<0.01",
  percentOfPlan: (percent: number, limit: string): string =>
    percent > 0 && percent < 0.5
      ? `<1${NO_BREAK}% of${NO_BREAK}${limit}`
      : `${Math.round(percent)}${NO_BREAK}% of${NO_BREAK}${limit}`,
  abovePlan: (limit: string): string => `Above plan: ${limit}`,
  planUnknown: "Plan not known",
  planIs: (limit: string): string => `Plan ${limit}`,
  plan: "plan",
  sharedPlan: ", shared with other lines",
  chart: (heading: string, unit: string): string => `${heading}, ${unit}`,
  chartEmpty: "No figures yet",
  tableCaption: (minutes: number): string =>
    `Download and upload, the last ${minutes === 1 ? "minute" : minutes < 120 ? `${minutes} minutes` : minutes <= 1_440 ? `${minutes / 60} hours` : `${minutes / 1_440} days`}`,
  tableCoarse: (caption: string, over: string): string => `${caption}; in part from averages over ${over}`,
  tableSpan: (from: string, to: string): string => `${from} to ${to}`,
  tableNow: "Now",
  tablePlan: "Plan",
  seconds: (milliseconds: number): string =>
    milliseconds < 120_000 ? `${write.number(milliseconds / 1_000, 0, 1)} seconds` : `${write.number(milliseconds / 60_000, 0, 0)} minutes`,
  showBytes: "Show in MB/s",
  showBits: "Show in Mbps",
  zoomIn: "Zoom in",
  zoomOut: "Up to the plan",
  copy: "Copy for support",
  copied: "Copied",
  copyByHand: "Copy this text",
  moment,
  tip: "Tip: you can bookmark this page and open it whenever the internet feels slow.",
  tipExpires: (date: string): string => `This link works until ${date}.`,
  printed: (moment: string, name: string): string => `${name} · ${moment}`,

  note: {
    averages: (over: string): string => `Averages over ${over}.`,
    averagesUntil: (time: string, over: string): string => `Until ${time}: averages over ${over}.`,
    begins: (time: string): string => `No figures from before ${time}.`,
    everySeconds: (every: string): string => `The router is busy: figures come every ${every}.`,
    sessions: (count: number): string => `${count} connections of your line together.`,
    silent: "Your router answers no probes, so its response is not known.",
    point: "Touch or point at a chart to read any second.",
  },

  reading: {
    at: (time: string, down: string, up: string): string => `${time}${NO_BREAK} ↓${NO_BREAK}${down} ↑${NO_BREAK}${up}`,
    spoken: (time: string, down: string, up: string): string => `${time}: download ${down}, upload ${up}`,
    none: (time: string): string => `${time}: no figures`,
    response: (rtt: string | null): string => (rtt === null ? ", probe lost" : `, response ${rtt}`),
    summary: (name: string, time: string, down: string, up: string, response: string): string =>
      `${name}, ${time}: ${down} down, ${up} up${response}.`,
    summaryNone: (name: string, time: string): string => `${name}, ${time}: no figures.`,
    day: (date: string): string => `(${date})`,
  },

  title: (figures: string, name: string): string => `${figures} · ${name}`,
  titleFigures: (download: string, upload: string, unit: string): string => `↓ ${download} ↑ ${upload} ${unit}`,
  spoken: (pill: string, title: string, download: string, upload: string): string =>
    `${pill}. ${title} Download ${download}, upload ${upload}.`,
  spokenState: (pill: string, title: string, detail: string): string => `${pill}. ${title} ${detail}`,

  pill: {
    running: "Running",
    full: "Full",
    bursts: "Full at times",
    noFigures: "No figures",
    slow: "Slow",
    device: "Device slow",
  },

  verdict: {
    notASpeedTest: "This is the use of your devices right now, not a speed test.",
    ofAverages: (over: string): string => `These are averages over ${over}: the router gives no live figures.`,
    noPlan: "Your line is working.",
    gathering: "Looking at your line…",
    full: "Your line is full.",
    fullDetail: (limit: string, seconds: number): string =>
      `All ${limit} have been in use for ${duration(seconds)}. Find the busy device and pause it: then the rest runs again.`,
    uploadFull: "Your upload is full.",
    uploadFullDetail: (limit: string, seconds: number): string =>
      `All ${limit} of upload for ${duration(seconds)}: that slows everything. Pause backups or photos being sent.`,
    bursts: "In bursts your line is full; between them it has room.",
    burstsDetail: "Video and downloads work like that. If it feels slow, see which device is busy.",
    uploadBursts: "In bursts your upload is full; between them it has room.",
    uploadBurstsDetail: "If calls or games stutter, look for a backup or photos being sent.",
    over: (limit: string): string => `Your line carries more than its plan of ${limit}.`,
    overDetail: "So it works. The plan may be recorded wrongly here: ask your provider.",
    busy: "Your line is busy, but not full.",
    quiet: "Almost nothing uses your line.",
    quietDetail: "If it feels slow, look at the Wi-Fi. This is use, not a speed test.",
    room: "Your line has room to spare.",
  },

  why: {
    instead: (typical: number, quiet: number): string =>
      `It answers in ${words.milliseconds(typical)} instead of${NO_BREAK}${words.response(quiet)}.`,
    lost: (lost: number, probes: number): string => `${lost}${NO_BREAK}of${NO_BREAK}${probes} probes were lost.`,
    fullSlow: (isUpload: boolean): string =>
      isUpload ? "Your upload is full, and the line answers slowly." : "Your line is full, and answers slowly.",
    fullSlowDetail: (limit: string | null, seconds: number, manner: string): string =>
      `${manner} ${limit === null ? "" : `All ${limit} are in use for ${duration(seconds)}. `}Pause the busy device: then the rest runs again.`,
    fullPrompt: (isUpload: boolean): string =>
      isUpload ? "Your upload is full, but the line still answers at once." : "Your line is full, but still answers at once.",
    slow: {
      title: (isSlow: boolean): string =>
        isSlow ? "Your line is not full, but answers slowly." : "Your line is not full, but loses packets.",
      detail: "That is on our side, or on the way to you: please tell us.",
    },
    slowPerhapsFull: {
      title: (isSlow: boolean): string => (isSlow ? "Your line answers slowly." : "Your line loses packets."),
      detail: "Pause what is busy. If it stays so, please tell us.",
    },
    device: "Your line is well, but this device is slow.",
    deviceDetail: (line: string, device: string): string =>
      `The line answers in ${line}, this device needs ${device}. Look at its Wi-Fi, or go closer to the router.`,
    well: "Your line and this device are well.",
    wellDetail: "If one site is slow, it is that site or the way to it.",
  },

  state: {
    connecting: { pill: page.connectingPill, title: page.connecting, detail: page.connectingDetail },
    waiting: { title: "Your line is connected.", detail: "Waiting for the first figures from the router." },
    late: {
      title: "Your line is connected, but its figures are late.",
      detail: "They come back by themselves. Nothing old is shown meanwhile.",
    },
    tooManyWatched: {
      title: "Your line is connected, but its figures have to wait.",
      detail: "The router measures as many lines as it may. Yours follows.",
    },
    routerRefuses: {
      title: "Your line is connected, but its router gives no live figures.",
      detail: "Averages follow within a minute. Your provider can mend this.",
    },
    stalled: {
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
    outOfTouch: "Another part of our monitoring cannot be reached. That does not mean that your line is down.",
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
      title: "This page lost its connection.",
      neverTitle: "This page cannot reach the monitoring.",
      detail: (seconds: number | null): string =>
        `${again(seconds)} Often it is this device's own connection; your line may be fine.`,
      offlineDetail: (seconds: number | null): string =>
        `This device has no network: check its Wi-Fi or mobile data. ${again(seconds)}`,
    },
    paused: {
      pill: "Paused",
      title: "This page paused while it was in the background.",
      detail: "It goes on as soon as you look at it.",
    },
    lineFull: {
      pill: "Many viewers",
      title: "Too many people are watching this line.",
      detail: (seconds: number | null): string => `Close this page elsewhere. ${again(seconds)}`,
    },
    relayFull: {
      pill: "Very busy",
      title: "Too many people are watching their lines right now.",
      detail: (seconds: number | null): string => `Your line is not affected. ${again(seconds)}`,
    },
    tooManyFailures: {
      pill: "Not accepted",
      title: "This link was not accepted.",
      detail: (seconds: number | null): string =>
        `Too many links from your network were refused. ${again(seconds)} If it stays so, ask for a new link.`,
    },
    tooManyUnknown: {
      pill: "Not known",
      title: "Nobody here knows a line of this name.",
      detail: (seconds: number | null): string =>
        `Check the name in the address. Too many unknown names are open in your network. ${again(seconds)}`,
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
    cut: {
      pill: "Link cut off",
      title: "A part of this link is missing.",
      detail: "Open the whole link from the message of your provider. If that does not work, ask for a new one.",
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
    openedElsewhere: {
      pill: "Open elsewhere",
      title: "This line is now open on newer pages in your network.",
      detail: "Only so many pages of a line stay open at once. Press Refresh to see it here again.",
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

  code: {
    short: "The code has eight digits.",
    unknown: "This code opens nothing. It works once, for ten minutes. Ask your provider for a new one.",
    wait: "Too many tries. Wait a minute, and try again.",
    failed: "The service does not answer. Try again in a moment.",
  },

  slow: {
    sending: "Sending…",
    sent: (number: number, moment: string): string => `Report ${number}, of ${moment}.`,
    waits: "Your provider has it. The answer will stand here.",
    closed: "Your provider has closed it.",
    answer: (text: string): string => `Your provider says: ${text}`,
    open: "Your provider has a report of this line already.",
    enough: "This line has had three reports today. Please call your provider.",
    busy: "Many lines are reported right now. Your provider knows.",
    failed: "This was not sent. Try again in a moment, or call your provider.",
  },
} as const;

/** All strings. */
export const strings = { ...words, page };

/** The words for the figures behind a verdict: the widget has none of them. */
export const evidence = {
  answers: {
    toRouter: "To your router and back",
    toProvider: "To your provider and back",
    slow: "Slow",
    usual: "As usual",
    noLoss: "no loss",
    lost: (share: string): string => `${share} lost`,
  },

  reasons: {
    none: "No figures in the last 40 seconds.",
    notMeasured: "Not measured.",
    rate: (share: string): string => `${share} on average in the last 40 seconds.`,
    full: (text: string, seconds: number): string => `${text} Full for ${duration(seconds)}: at 90${NO_BREAK}% of the plan or more.`,
    beside: (typical: string, quiet: string, from: string): string => `${typical} now; ${quiet} while little is in use. Slow from ${from} on.`,
    noQuiet: (typical: string): string => `${typical} now. What is usual for this line is not known yet.`,
    lost: "Lost probes",
    of: (lost: number, probes: number): string => `${lost}${NO_BREAK}of${NO_BREAK}${probes}`,
    device: "This device",
    slowFrom: (text: string, from: string): string => `${text} to us and back. Slow from ${from} on.`,
  },
} as const;
