// The stack that Linelight replaces, written anew from its description: Express serves the page, mikronode-ng is logged in to
// every router's API, and socket.io carries the rates to one room for each PPPoE username. A line's first spectator starts
// its `monitor-traffic`, the last one ends it.
//
// Usage: node old-stack.cjs ADDRESS ROUTER…, each HOST:PORT; prints `ready ADDRESS` once it is logged in everywhere.
'use strict';

const http = require('node:http');
const express = require('express');
const MikroNode = require('mikronode-ng');
const { Server } = require('socket.io');

/** By username: the router's connection, the interface, and the channel while somebody watches. */
const lines = new Map();

const app = express();
app.get('/', (request, response) => response.send('<!doctype html><title>Monitor</title>'));
const server = http.createServer(app);
const io = new Server(server, { serveClient: false });

io.on('connection', (socket) => {
  socket.on('watch', (username) => {
    const line = lines.get(username);
    if (line === undefined) return;
    socket.join(username);
    socket.emit('snapshot', { username, customer: 'A customer', package: 'Home 20/5' });
    line.channel ??= monitor(username, line);
  });
});
io.of('/').adapter.on('delete-room', (room) => {
  const line = lines.get(room);
  if (line?.channel === undefined) return;
  line.channel.close(true);
  line.channel = undefined;
});

function monitor(username, { connection, name }) {
  const channel = connection.openChannel();
  // An endless answer is not to be kept until it ends.
  channel.saveBuffer = false;
  channel.on('trap', () => {});
  channel.on('read', (data) => {
    for (const row of MikroNode.parseItems(data)) {
      // What the router sends to a session is what the subscriber downloads.
      const [down, up] = [Number(row['tx-bits-per-second']), Number(row['rx-bits-per-second'])];
      io.to(username).emit('sample', { t: Date.now(), down, up });
    }
  });
  channel.write(['/interface/monitor-traffic', `=interface=${name}`]);
  return channel;
}

async function login(router) {
  const [host, port] = router.split(':');
  const connection = await MikroNode.getConnection(host, 'linelight', 'simulated', { port: Number(port) }).getConnectPromise();
  // Each channel listens to its connection, and a router has many.
  connection.setMaxListeners(0);
  const channel = connection.openChannel();
  const sessions = await new Promise((resolve, reject) => {
    channel.once('done', (data) => resolve(MikroNode.parseItems(data)));
    channel.once('trap', reject);
    channel.write(['/interface/pppoe-server/print', '=.proplist=.id,name,user']);
  });
  channel.close();
  for (const { name, user } of sessions) lines.set(user, { connection, name, channel: undefined });
}

const [address, ...routers] = process.argv.slice(2);
Promise.all(routers.map(login)).then(() => {
  server.listen(0, address, () => console.log(`ready ${address}:${server.address().port}`));
});
