// The stack that Linelight replaces, written anew from its description: Express serves the page, socket.io carries the
// rates, one room for each PPPoE username. Its router connection is left out: the samples are made here, which spares it the
// reading of the router's API, so it is cheaper than it was.
//
// Usage: node old-stack.cjs LINES LINES_PER_ROUTER; prints `ready ADDRESS`.
'use strict';

const http = require('node:http');
const express = require('express');
const { Server } = require('socket.io');
const { run } = require('./routers.cjs');

const app = express();
app.get('/', (request, response) => response.send('<!doctype html><title>Monitor</title>'));
const server = http.createServer(app);
const io = new Server(server, { serveClient: false });

io.on('connection', (socket) => {
  socket.on('watch', (username) => {
    socket.join(username);
    socket.emit('snapshot', { username, customer: 'A customer', package: 'Home 20/5' });
  });
});

run((line, sample) => io.to(line).emit('sample', sample));

server.listen(0, '127.0.0.1', () => console.log(`ready 127.0.0.1:${server.address().port}`));
