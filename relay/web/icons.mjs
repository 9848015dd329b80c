// The page's icon as PNG files: two arrows on a dark ground, four bits for a pixel. Polygons, sampled along the middle of each
// pixel: the corners lie on whole pixels of every size that is a multiple of 64, so that only slanted edges are mixed.

import { deflateSync } from "node:zlib";

/** The side of the drawing. */
const SIDE = 32;

/** Samples for each pixel: the ground and so many mixtures for each of two arrows are at most 16 colours. */
const SAMPLES = 7;

const GROUND = [0x17, 0x1c, 0x24];

/** Each polygon and its colour. */
const SHAPES = [
  { colour: [0x3e, 0xcf, 0x83], corners: [[12, 24], [6.5, 17], [10, 17], [10, 8], [14, 8], [14, 17], [17.5, 17]] },
  { colour: [0xff, 0x7b, 0x72], corners: [[20, 8], [25.5, 15], [22, 15], [22, 24], [18, 24], [18, 15], [14.5, 15]] },
];

/** The ground, then the mixtures of each polygon's colour, from one sample to all. */
const PALETTE = [GROUND, ...SHAPES.flatMap(({ colour }) => Array.from({ length: SAMPLES }, (_, i) => mixed(colour, (i + 1) / SAMPLES)))];

/** Returns a PNG file of `size` pixels a side; `size` is a multiple of 64. */
export function icon(size) {
  const row = (y) => Array.from({ length: size / 2 }, (_, i) => (pixel(2 * i, y, size) << 4) | pixel(2 * i + 1, y, size));
  const rows = Buffer.from(Array.from({ length: size }, (_, y) => [0, ...row(y)]).flat());
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([4, 3, 0, 0, 0], 8);
  const parts = [
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(PALETTE.flat())),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ];
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), ...parts]);
}

function mixed(colour, share) {
  return colour.map((part, channel) => Math.round(GROUND[channel] + (part - GROUND[channel]) * share));
}

/** Returns the pixel's place in the palette. */
function pixel(x, y, size) {
  const scale = SIDE / size;
  const samples = Array.from({ length: SAMPLES }, (_, i) => [(x + (i + 0.5) / SAMPLES) * scale, (y + 0.5) * scale]);
  const within = SHAPES.map(({ corners }) => samples.filter((at) => isWithin(at, corners)).length);
  const shape = within.findIndex((count) => count > 0);
  return shape < 0 ? 0 : shape * SAMPLES + within[shape];
}

/** Counts the edges to the right of the point. */
function isWithin([x, y], corners) {
  return corners.reduce((inside, [x1, y1], i) => {
    const [x2, y2] = corners[(i + 1) % corners.length];
    return y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1) ? !inside : inside;
  }, false);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

/** Node.js has crc32 from 20.15 on. */
function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
