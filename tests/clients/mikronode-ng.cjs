// What mikronode-ng sees of the simulated router: the old login, prints, and a monitor-traffic stream that it cancels. It needs
// the tag right behind the reply word.
'use strict';

const MikroNode = require('mikronode-ng');
const { DOWNLOAD, UPLOAD, address, check, control, isAlice, run, until } = require('./router.cjs');

const tell = (name, condition, seen) => check('mikronode-ng', name, condition, seen);

function connection(password) {
  const { host, port } = address('OLD_API');
  return MikroNode.getConnection(host, 'linelight', password, { port, timeout: 10 });
}

/** The rows of a command that ends by itself. */
function ask(conn, words) {
  return new Promise((resolve, reject) => {
    const channel = conn.openChannel();
    channel.once('done', (data) => {
      channel.close();
      resolve(MikroNode.parseItems(data));
    });
    channel.once('trap', reject);
    channel.write(words);
  });
}

/** The rows of a stream, up to so many, and then its cancel. */
function collect(conn, words, count) {
  return new Promise((resolve, reject) => {
    const rows = [];
    const channel = conn.openChannel();
    channel.once('trap', reject);
    channel.on('read', (data) => {
      rows.push(...MikroNode.parseItems(data));
      if (rows.length < count) return;
      channel.close(true);
      resolve(rows);
    });
    channel.write(words);
  });
}

run(async () => {
  await control('OLD_CONTROL', `rate alice ${DOWNLOAD} ${UPLOAD}`);
  const refused = await connection('wrong').getConnectPromise().catch((trap) => trap);
  tell('a wrong response is refused', /cannot log in/.test(JSON.stringify(refused.errors)), refused.errors);

  const conn = await connection(process.env.PASSWORD).getConnectPromise();
  const identity = await ask(conn, ['/system/identity/print']);
  tell('old login', identity[0].name === 'concentrator', identity);
  const sessions = await ask(conn, ['/interface/pppoe-server/print', '=.proplist=.id,name,user']);
  tell('sessions', sessions.length === 6 && sessions[0].name === '<pppoe-alice>', sessions);

  const rows = await collect(conn, ['/interface/monitor-traffic', '=interface=<pppoe-alice>'], 3);
  tell('monitor-traffic streams', rows.length === 3 && rows.every(isAlice), rows);
  await until('OLD_CONTROL', 'streams', (streams) => streams.length === 0);
  tell('and ends when it is cancelled', true);
  const samples = await control('OLD_CONTROL', 'samples 3');
  const figures = `${UPLOAD} ${DOWNLOAD} ${DOWNLOAD} ${UPLOAD}`;
  tell("the router's own record agrees", samples.every((sample) => sample.endsWith(figures)), samples);
  conn.close(true);
  await until('OLD_CONTROL', 'connections', (connections) => connections.length === 0);
  tell('quit', true);
});
