// What the two Node.js clients share: the router's addresses, its control port, and the lines that they print.
'use strict';

const net = require('node:net');

const DOWNLOAD = 14_780_000;
const UPLOAD = 2_100_000;
let failures = 0;

function address(variable) {
  const [host, port] = process.env[variable].split(':');
  return { host, port: Number(port) };
}

/** Sends one line to the control port; resolves to its answer's lines. */
function control(variable, command) {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(address(variable), () => socket.write(`${command}\n`));
    socket.on('error', reject);
    socket.on('data', (data) => {
      text += data;
      const lines = text.split('\n');
      const end = lines.findIndex((line) => line === 'ok' || line.startsWith('error'));
      if (end < 0) return;
      socket.destroy();
      if (lines[end] === 'ok') resolve(lines.slice(0, end).map((line) => line.slice(2)));
      else reject(new Error(`${command}: ${lines[end]}`));
    });
  });
}

/** Asks the control port until its answer is as wanted; `timeout` in run is the limit. */
async function until(variable, command, wanted) {
  while (!wanted(await control(variable, command)));
}

/** Prints one check's outcome. */
function check(client, name, condition, seen) {
  if (!condition) failures += 1;
  console.log(`${condition ? 'ok    ' : 'FAILED'} ${client}: ${name}${condition ? '' : `: ${JSON.stringify(seen)}`}`);
}

/** A server's session sends what its subscriber downloads. */
function isAlice(row) {
  return (
    row.name === '<pppoe-alice>' &&
    row['tx-bits-per-second'] === String(DOWNLOAD) &&
    row['rx-bits-per-second'] === String(UPLOAD)
  );
}

/** Runs a client's checks and ends the process by their outcome. */
function run(main) {
  // A client that loses its connection may leave nothing to wait for: that is no success.
  process.exitCode = 1;
  main().then(
    () => process.exit(failures > 0 ? 1 : 0),
    (error) => {
      console.log('FAILED', error);
      process.exit(1);
    },
  );
}

module.exports = { DOWNLOAD, UPLOAD, address, check, control, isAlice, run, until };
