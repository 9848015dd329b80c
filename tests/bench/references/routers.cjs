// Routers that tick once a second, each at its own place in the second, and a mark in the download rate that tells when
// a sample was made: the same figures as tests/src/bench.rs.
'use strict';

const [lines, linesPerRouter] = process.argv.slice(3).map(Number);

// Bun counts from its own start; the mark needs the clock that all processes share.
const nowUs = process.versions.bun ? clockOfTheMachine() : () => Number(process.hrtime.bigint() / 1000n);
const phaseUs = (router) => (router * 617363) % 1000000;
const username = (line) => `line-${String(line).padStart(5, '0')}`;
const upload = (line) => 200000 + ((line * 37) % 800000);

function clockOfTheMachine() {
  const { dlopen, ptr } = require('bun:ffi');
  const { clock_gettime: read } = dlopen('libc.so.6', { clock_gettime: { args: ['i32', 'ptr'], returns: 'i32' } }).symbols;
  const now = new BigInt64Array(2);
  const monotonic = 1;
  return () => {
    read(monotonic, ptr(now));
    return Number(now[0] * 1000000n + now[1] / 1000n);
  };
}

function tick(router, publish) {
  const [t, down] = [Date.now(), 100000000 + (nowUs() % 900000000)];
  const first = router * linesPerRouter;
  for (let line = first; line < Math.min(first + linesPerRouter, lines); line += 1) {
    publish(username(line), { t, down, up: upload(line) });
  }
}

function schedule(router, dueUs, publish) {
  setTimeout(() => {
    tick(router, publish);
    schedule(router, dueUs + 1000000, publish);
  }, Math.max(0, (dueUs - nowUs()) / 1000));
}

/** Calls `publish(username, sample)` for every line, each second, for ever. */
exports.run = (publish) => {
  const second = Math.floor(nowUs() / 1000000) * 1000000 + 1000000;
  for (let router = 0; router < Math.ceil(lines / linesPerRouter); router += 1) {
    schedule(router, second + phaseUs(router), publish);
  }
};
