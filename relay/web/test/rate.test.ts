// Figures to the letter: they are what a customer reads out to the support desk.

import assert from "node:assert/strict";
import { test } from "node:test";
import { limitText, rateText, shareText, type Units } from "../src/line/rate.ts";

const RATES: [bitsPerSecond: number | null, units: Units, text: string][] = [
  [14_780_000, "bits", "14.78 Mbps"],
  [null, "bits", "–"],
  [0, "bits", "0 kbps"],
  [499, "bits", "<1 kbps"],
  [620_000, "bits", "620 kbps"],
  [999_499, "bits", "999 kbps"],
  [999_500, "bits", "1.00 Mbps"],
  [1_000_000, "bits", "1.00 Mbps"],
  [1_048_576, "bits", "1.05 Mbps"],
  [99_994_999, "bits", "99.99 Mbps"],
  [999_994_000, "bits", "999.99 Mbps"],
  [999_996_000, "bits", "1.00 Gbps"],
  [2_345_000_000, "bits", "2.35 Gbps"],
  [40_000_000_000, "bits", "40.00 Gbps"],
  [14_780_000, "bytes", "1.85 MB/s"],
  [620_000, "bytes", "78 kB/s"],
  [8_000_000, "bytes", "1.00 MB/s"],
  [8_000_000_000, "bytes", "1.00 GB/s"],
  [0, "bytes", "0 kB/s"],
];

for (const [bitsPerSecond, units, text] of RATES) {
  test(`${bitsPerSecond} in ${units} is ${text}`, () => assert.equal(rateText(bitsPerSecond, units), text));
}

test("limits without needless decimals", () => {
  assert.equal(limitText(50_000_000, "bits"), "50 Mbps");
  assert.equal(limitText(2_500_000, "bits"), "2.5 Mbps");
  assert.equal(limitText(512_000, "bits"), "512 kbps");
  assert.equal(limitText(1_000_000_000, "bits"), "1 Gbps");
  assert.equal(limitText(50_000_000, "bytes"), "6.25 MB/s");
});

test("shares in the limit's unit", () => {
  assert.equal(shareText(48_700_000, 50_000_000, "bits"), "48.7 of 50 Mbps");
  assert.equal(shareText(20_000, 50_000_000, "bits"), "0.02 of 50 Mbps");
  assert.equal(shareText(480_000_000, 1_000_000_000, "bits"), "0.48 of 1 Gbps");
});
