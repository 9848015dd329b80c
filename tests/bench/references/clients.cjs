// A RouterOS API client of JavaScript that reads a stream for each of a router's lines, and does nothing with the rates but
// to read them as numbers. Usage: node clients.cjs mikronode-ng|node-routeros HOST:PORT; prints `ready -`, and each second how
// many rows it has had.
'use strict';

const [client, router] = process.argv.slice(2);
const [host, port] = router.split(':');
let [rows, sum] = [0, 0];

const take = (row) => {
  rows += 1;
  sum += Number(row['tx-bits-per-second']) + Number(row['rx-bits-per-second']);
};

const clients = {
  async 'mikronode-ng'() {
    const MikroNode = require('mikronode-ng');
    const connection = await MikroNode.getConnection(host, 'linelight', 'simulated', { port: Number(port) }).getConnectPromise();
    connection.setMaxListeners(0);
    const channel = connection.openChannel();
    const sessions = await new Promise((resolve) => {
      channel.once('done', (data) => resolve(MikroNode.parseItems(data)));
      channel.write(['/interface/pppoe-server/print', '=.proplist=.id,name,user']);
    });
    channel.close();
    for (const { name } of sessions) {
      const stream = connection.openChannel();
      stream.saveBuffer = false;
      stream.on('read', (data) => MikroNode.parseItems(data).forEach(take));
      stream.write(['/interface/monitor-traffic', `=interface=${name}`]);
    }
  },
  async 'node-routeros'() {
    const { RouterOSAPI } = require('node-routeros');
    const api = new RouterOSAPI({ host, port: Number(port), user: 'linelight', password: 'simulated', timeout: 10 });
    await api.connect();
    api.setMaxListeners?.(0);
    const sessions = await api.write('/interface/pppoe-server/print', '=.proplist=.id,name,user');
    for (const { name } of sessions) {
      api.stream(['/interface/monitor-traffic', `=interface=${name}`], (error, row) => {
        if (!error) [row].flat().forEach(take);
      });
    }
  },
};

process.setMaxListeners(0);
clients[client]().then(() => {
  console.log('ready -');
  setInterval(() => console.log(`${rows} ${sum > 0 ? 'rates' : 'nothing'}`), 1000);
});
