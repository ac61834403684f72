// TLS between standard input and output, in Node: netcat.js client|server PORT TLSv1.x CA PEM|-
// A server requires a client certificate of CA if CA is not '-'.
'use strict';
const fs = require('fs');
const tls = require('tls');

const [role, port, version, ca, pem] = process.argv.slice(2);
const options = {minVersion: version, maxVersion: version};
if (ca !== '-') options.ca = fs.readFileSync(ca);
if (pem !== '-') options.cert = options.key = fs.readFileSync(pem);

function connect(socket) {
  process.stdin.on('data', (data) => {
    if (!socket.write(data)) process.stdin.pause();
  });
  socket.on('drain', () => process.stdin.resume());
  socket.pipe(process.stdout);
  socket.on('close', () => process.exit(0));
}

function fail(error) {
  console.error(String(error));
  process.exit(1);
}

if (role === 'client') {
  const socket = tls.connect({...options, port: Number(port), host: '127.0.0.1',
                              servername: 'localhost'}, () => connect(socket));
  socket.on('error', fail);
} else {
  const server = tls.createServer(
    {...options, requestCert: ca !== '-', rejectUnauthorized: ca !== '-'}, connect);
  server.on('tlsClientError', fail);
  server.listen(Number(port), '127.0.0.1');
}
