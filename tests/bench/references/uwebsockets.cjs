// uWebSockets, the fastest WebSocket server that can be had for JavaScript, as shipped in Bun: one topic for each line, the
// same JSON as the relay's. Its samples are made here.
//
// Usage: bun uwebsockets.cjs ADDRESS LINES LINES_PER_ROUTER; prints `ready ADDRESS`.
'use strict';

const { run } = require('./routers.cjs');

const [address] = process.argv.slice(2);
const server = Bun.serve({
  hostname: address,
  port: 0,
  fetch(request, bun) {
    return bun.upgrade(request) ? undefined : new Response('a WebSocket is expected', { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    message(socket, message) {
      const { username } = JSON.parse(message);
      socket.subscribe(username);
      socket.send(JSON.stringify({ type: 'snapshot', username }));
    },
  },
});

run((line, { t, down, up }) => {
  if (server.subscriberCount(line) > 0) server.publish(line, JSON.stringify({ type: 'sample', t, down, up }));
});

console.log(`ready ${address}:${server.port}`);
