"""
A proxy that clients reach over TLS, with a single method: CONNECT.

Usage: https_proxy.py CERTIFICATE [PORT]

CERTIFICATE is a PEM file with the private key and the certificate chain. PORT is 8080 by default; 0
lets the system choose one. It is printed once the proxy listens.
"""
from __future__ import print_function

import logging
import ssl
import sys

import sslproto27
from sslproto27 import aio
from sslproto27.aio import From


@aio.coroutine
def copy(reader, writer):
    data = True
    while data:
        data = yield From(reader.read(65536))
        writer.write(data)
        yield From(writer.drain())
    writer.close()


@aio.coroutine
def serve(reader, writer):
    request = yield From(reader.readline())
    method, target = request.split()[:2]
    while (yield From(reader.readline())).strip():
        pass
    if method != b'CONNECT':
        writer.write(b'HTTP/1.1 405 Method Not Allowed\r\n\r\n')
        writer.close()
        return
    host, _, port = target.decode('ascii').rpartition(':')
    far_reader, far_writer = yield From(aio.open_connection(host, int(port)))
    writer.write(b'HTTP/1.1 200 Connection established\r\n\r\n')
    aio.ensure_future(copy(reader, far_writer))
    yield From(copy(far_reader, writer))


def main(certificate, port='8080'):
    context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    aio.install()
    loop = aio.new_event_loop()
    aio.set_event_loop(loop)
    server = loop.run_until_complete(
        aio.start_server(serve, '127.0.0.1', int(port), ssl=context))
    print('listening on port', server.sockets[0].getsockname()[1])
    sys.stdout.flush()
    loop.run_forever()


if __name__ == '__main__':
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
