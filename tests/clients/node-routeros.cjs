// What node-routeros sees of the simulated router: the new login, prints, and a monitor-traffic stream that it cancels.
'use strict';

const { RouterOSAPI } = require('node-routeros');
const { DOWNLOAD, UPLOAD, address, check, control, isAlice, run, until } = require('./router.cjs');

const tell = (name, condition, seen) => check('node-routeros', name, condition, seen);

function connection(password) {
  return new RouterOSAPI({ ...address('NEW_API'), user: 'linelight', password, timeout: 10 });
}

/** The rows of a stream, up to so many, and then its cancel. */
function collect(api, words, count) {
  return new Promise((resolve, reject) => {
    const rows = [];
    const stream = api.stream(words, (error, row) => {
      if (error) return reject(error);
      // Rows of one section come as an array.
      rows.push(...[row].flat());
      if (rows.length === count) stream.stop().then(() => resolve(rows), reject);
    });
  });
}

run(async () => {
  await control('NEW_CONTROL', `rate alice ${DOWNLOAD} ${UPLOAD}`);
  const refused = await connection('wrong').connect().catch((error) => error);
  tell('a wrong password is refused', /password is invalid/.test(refused.message), refused.message);

  const api = connection(process.env.PASSWORD);
  await api.connect();
  const identity = await api.write('/system/identity/print');
  tell('new login', identity[0].name === 'concentrator', identity);

  const sessions = await api.write('/interface/pppoe-server/print', '=.proplist=.id,name,user');
  tell('sessions', sessions.length === 6 && sessions[0].name === '<pppoe-alice>', sessions);
  const one = await api.write('/ppp/active/print', '?name=alice');
  tell('a query', one.length === 1 && one[0]['caller-id'].startsWith('02:'), one);
  const secret = await api.write('/ppp/secret/print', '=.proplist=comment', '?name=caf\u00e9');
  tell('windows-1252', secret[0]?.comment === 'Caf\u00e9 Z\u00fcrich', secret);
  const trap = await api.write('/interface/monitor-traffic', '=interface=nowhere', '=once=').catch((error) => error);
  tell('a trap', trap.message === 'input does not match any value of interface', trap.message);

  const rows = await collect(api, ['/interface/monitor-traffic', '=interface=*F00000'], 3);
  const sections = rows.map((row) => row['.section']).join();
  tell('monitor-traffic streams', rows.every(isAlice) && sections === '0,1,2', rows);
  await until('NEW_CONTROL', 'streams', (streams) => streams.length === 0);
  tell('and ends when it is cancelled', true);
  const after = await api.write('/system/identity/print');
  tell('the connection goes on', after[0].name === 'concentrator', after);
  await api.close();
});
