// The relay's viewer stream as npm's `ws` sees it: a strict reader of what the relay writes, and a writer of frames both lawful
// and not. It frames by itself (`Sender.frame`), so that what is tried is not our own reading of RFC 6455.
//
// Environment: RELAY (host:port), USERNAME, an open line with samples. Prints a line for each failed check and a count.

import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import WebSocket, { Sender } from 'ws';

const { RELAY, USERNAME } = process.env;
const { lawful, hostile } = JSON.parse(readFileSync(new URL('cases.json', import.meta.url)));
const WATCH = JSON.stringify({ type: 'watch', username: USERNAME });
const VIEWER_PROTOCOL = 4101;
let passed = 0;
let failed = 0;

function check(name, condition, seen) {
  if (condition) return void passed++;
  failed++;
  console.log(`ws: FAILED: ${name}: ${JSON.stringify(seen)}`);
}

function payloadOf({ text, hex, x = 0 }) {
  return Buffer.concat([Buffer.from(hex ?? '', 'hex'), Buffer.from(text ?? ''), Buffer.alloc(x, 'x')]);
}

/** The bytes of a case, framed by `ws`; the reserved bits that it has no option for are set behind its back. */
function bytesOf({ raw, frames = [] }) {
  if (raw) return Buffer.from(raw, 'hex');
  const framed = frames.map((frame) => {
    const { opcode, fin = true, masked = true, reserved = 0 } = frame;
    const parts = Sender.frame(payloadOf(frame), { fin, opcode, mask: masked, readOnly: true, rsv1: false });
    const bytes = Buffer.concat(parts);
    bytes[0] |= reserved;
    return bytes;
  });
  return Buffer.concat(framed);
}

/** Opens a stream and tells what came: messages, pongs, the close code. */
function open() {
  const socket = new WebSocket(`ws://${RELAY}/api/v1/live`);
  const seen = { messages: [], pongs: [], errors: [], socket };
  socket.on('message', (data, isBinary) => seen.messages.push(isBinary ? data : JSON.parse(data)));
  socket.on('pong', (data) => seen.pongs.push(data.toString()));
  socket.on('error', (error) => seen.errors.push(error.message));
  seen.closed = new Promise((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  seen.opened = new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
  return seen;
}

async function until(what, condition, seconds = 15) {
  const end = Date.now() + seconds * 1000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A stream that runs, or one that is only open. */
async function stream(phase) {
  const seen = open();
  await seen.opened;
  if (phase === 'after') {
    seen.socket.send(WATCH);
    await until('a snapshot', () => seen.messages.length > 0);
  }
  return seen;
}

async function within(promise, seconds) {
  const late = new Promise((resolve) => setTimeout(resolve, seconds * 1000, { code: 'none in time' }).unref());
  return Promise.race([promise, late]);
}

async function tryCase(one, phase, expected) {
  const name = `${one.name}, ${phase} the watch`;
  const seen = await stream(phase);
  seen.socket._socket.write(bytesOf(one));
  if (one.pong !== undefined) {
    const wanted = one.pong === 'x125' ? 'x'.repeat(125) : one.pong;
    await until(name, () => seen.pongs.length > 0).catch(() => {});
    check(name, seen.pongs.length === 1 && seen.pongs[0] === wanted, seen.pongs);
    return seen.socket.terminate();
  }
  const closed = await within(seen.closed, 8);
  check(name, closed.code === expected && seen.errors.length === 0, { closed, errors: seen.errors });
  if (expected === VIEWER_PROTOCOL) {
    const error = seen.messages.at(-1);
    check(`${name}: an error frame says why`, error?.type === 'error' && error.code === expected, error);
  }
}

async function whatIsWrittenIsLawful() {
  const seen = await stream('after');
  check('no extension is agreed on', seen.socket.extensions === '', seen.socket.extensions);
  const [snapshot] = seen.messages;
  check('the first frame is a snapshot', snapshot.type === 'snapshot' && snapshot.username === USERNAME, snapshot);
  const samples = () => seen.messages.filter((message) => message.type === 'sample');
  await until('three samples', () => samples().length >= 3);
  const times = samples().map((sample) => sample.t);
  check('samples rise in time', times.every((time, at) => at === 0 || time > times[at - 1]), times);
  check('ws finds no fault', seen.errors.length === 0, seen.errors);
  seen.socket.close(1000, 'seen');
  const closed = await within(seen.closed, 5);
  check('a close is answered', closed.code === 1000, closed);
}

async function bytesOneByOne() {
  const seen = await stream('before');
  for (const byte of bytesOf({ frames: [{ opcode: 1, text: WATCH }] })) {
    seen.socket._socket.write(Buffer.of(byte));
    await new Promise(setImmediate);
  }
  await until('a snapshot', () => seen.messages.length > 0);
  check('a watch that comes byte by byte', seen.messages[0].type === 'snapshot', seen.messages[0]);
  seen.socket.terminate();
}

async function severalAtOnce() {
  const seen = await stream('before');
  seen.socket._socket.write(bytesOf({ frames: [{ opcode: 1, text: WATCH.padEnd(4096) }, { opcode: 9, text: 'behind' }] }));
  await until('both answers', () => seen.messages.length > 0 && seen.pongs.length > 0);
  check('the largest watch and a ping in one piece', seen.messages[0].type === 'snapshot', seen.messages[0]);
  seen.socket.terminate();
}

async function firstFrames() {
  for (const [name, frame] of [
    ['binary', { opcode: 2, hex: '00' }],
    ['no JSON', { opcode: 1, text: 'hello' }],
    ['JSON of another kind', { opcode: 1, text: '{"type":"hello"}' }],
    ['both a token and a username', { opcode: 1, text: '{"type":"watch","token":"a","username":"b"}' }],
    ['nested without end', { opcode: 1, text: '['.repeat(4000) }],
  ]) {
    const seen = await stream('before');
    seen.socket._socket.write(bytesOf({ frames: [frame] }));
    const closed = await within(seen.closed, 8);
    check(`a first frame that is ${name}`, closed.code === VIEWER_PROTOCOL, closed);
  }
}

async function flood(phase, expected) {
  const seen = await stream(phase);
  // 11 KB: of more the relay would not read the rest, and the connection's reset might overtake its last words.
  const pings = bytesOf({ frames: Array.from({ length: 1000 }, () => ({ opcode: 9, text: 'flood' })) });
  seen.socket._socket.write(pings);
  const closed = await within(seen.closed, 8);
  check(`1000 pings ${phase} the watch`, closed.code === expected, { closed, errors: seen.errors });
  check(`1000 pings ${phase} the watch: not all are answered`, seen.pongs.length < 1000, seen.pongs.length);
}

async function halfAFrame(phase, raw, expected, seconds) {
  const seen = await stream(phase);
  seen.socket._socket.write(Buffer.from(raw, 'hex'));
  const before = Date.now();
  const closed = await within(seen.closed, seconds + 8);
  const took = (Date.now() - before) / 1000;
  check(`half a frame for ever ${phase} the watch`, closed.code === expected && took < seconds + 5, { closed, took });
  return seen;
}

/** Half a frame holds up nobody but its sender's own pongs: samples go on until one is missed. */
async function halfAFrameOnAStream() {
  const seen = await halfAFrame('after', '81fe1000010203', 4107, 40);
  const samples = seen.messages.filter((message) => message.type === 'sample');
  check('half a frame: samples went on', samples.length > 10, samples.length);
}

function handshake(headers, method = 'GET') {
  const [host, port] = RELAY.split(':');
  const all = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', ...headers };
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, path: '/api/v1/live', method, headers: all });
    request.on('response', (response) => resolve(response.resume().statusCode));
    request.on('upgrade', (response, socket) => { socket.destroy(); resolve(response.statusCode); });
    request.on('error', reject).end();
  });
}

async function handshakes() {
  const key = { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' };
  for (const [name, headers, expected, method] of [
    ['lawful', key, 101],
    ['lists and other cases', { ...key, Connection: 'keep-alive, UPGRADE', Upgrade: 'WebSocket' }, 101],
    ['no key', {}, 400],
    ['a short key', { 'Sec-WebSocket-Key': 'YWJj' }, 400],
    ['version 8', { ...key, 'Sec-WebSocket-Version': '8' }, 426],
    ['another protocol', { ...key, Upgrade: 'h2c' }, 426],
    ['a POST', key, 405, 'POST'],
  ]) {
    const status = await handshake(headers, method);
    check(`handshake: ${name}`, status === expected, status);
  }
}

/** Half a request for ever: the connection is closed, and not only when its sender goes. */
async function slowHeader() {
  const [host, port] = RELAY.split(':');
  const socket = net.connect(port, host).on('error', () => {});
  socket.write('GET /api/v1/live HTTP/1.1\r\nHost: x\r\n');
  const closed = new Promise((resolve) => socket.on('close', () => resolve({ code: 'closed' })));
  check('half a request header for ever', (await within(closed, 20)).code === 'closed', 'still open');
  socket.destroy();
}

const cases = [...lawful, ...hostile].flatMap((one) => ['before', 'after'].map((phase) => [one, phase]));
const ordinary = async () => {
  await whatIsWrittenIsLawful();
  for (const [one, phase] of cases) await tryCase(one, phase, one.close ?? VIEWER_PROTOCOL);
  await bytesOneByOne();
  await severalAtOnce();
  await firstFrames();
  await handshakes();
  await flood('before', VIEWER_PROTOCOL);
  await flood('after', 4106);
};
// What only ends by a limit of time waits beside the rest.
await Promise.all([ordinary(), halfAFrame('before', '81fe', 4100, 10), halfAFrameOnAStream(), slowHeader()]);
await whatIsWrittenIsLawful();
console.log(`ws: ${passed} checks passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
