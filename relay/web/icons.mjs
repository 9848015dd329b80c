// The page's icon as PNG files of any size: two arrows on a dark ground. Polygons, sampled four by four for each pixel.

import { deflateSync } from "node:zlib";

/** The side of the drawing. */
const SIDE = 32;

/** Samples for each side of a pixel. */
const SAMPLES = 4;

const GROUND = [0x17, 0x1c, 0x24];

/** Each polygon and its colour. */
const SHAPES = [
  { colour: [0x3e, 0xcf, 0x83], corners: [[12, 24], [6.5, 17], [10, 17], [10, 8], [14, 8], [14, 17], [17.5, 17]] },
  { colour: [0xff, 0x7b, 0x72], corners: [[20, 8], [25.5, 15], [22, 15], [22, 24], [18, 24], [18, 15], [14.5, 15]] },
];

/** Returns a PNG file of `size` pixels a side. */
export function icon(size) {
  const rows = Buffer.alloc(size * (1 + size * 3));
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) rows.set(pixel(x, y, size), y * (1 + size * 3) + 1 + x * 3);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const parts = [chunk("IHDR", header), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), ...parts]);
}

function pixel(x, y, size) {
  const sum = [0, 0, 0];
  for (let i = 0; i < SAMPLES * SAMPLES; i += 1) {
    const at = [x + ((i % SAMPLES) + 0.5) / SAMPLES, y + (Math.floor(i / SAMPLES) + 0.5) / SAMPLES].map((value) => (value * SIDE) / size);
    const colour = SHAPES.find(({ corners }) => isWithin(at, corners))?.colour ?? GROUND;
    colour.forEach((part, channel) => (sum[channel] += part));
  }
  return sum.map((part) => Math.round(part / (SAMPLES * SAMPLES)));
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
