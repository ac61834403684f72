"""
A TLS echo server on Trollius.

Usage: echo_server.py CERTIFICATE [PORT]

CERTIFICATE is a PEM file with the private key and the certificate chain. PORT is 8443 by default; 0
lets the system choose one. The port is printed once the server listens.
"""
from __future__ import print_function

import logging
import ssl
import sys

import trollius
from trollius import From

import sslproto27
import sslproto27.trollius


@trollius.coroutine
def echo(reader, writer):
    while True:
        data = yield From(reader.read(65536))
        if not data:
            break
        writer.write(data)
        yield From(writer.drain())
    writer.close()


def main(certificate, port='8443'):
    context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    sslproto27.trollius.install()
    loop = trollius.get_event_loop()
    server = loop.run_until_complete(trollius.start_server(
        lambda reader, writer: trollius.ensure_future(echo(reader, writer)),
        '127.0.0.1', int(port), ssl=context))
    print('listening on port', server.sockets[0].getsockname()[1])
    sys.stdout.flush()
    try:
        loop.run_forever()
    except KeyboardInterrupt:
        server.close()
        loop.run_until_complete(server.wait_closed())
    loop.close()


if __name__ == '__main__':
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
