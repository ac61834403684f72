"""
A TLS echo server on Tornado that uses our classes directly, without install().

Usage: tornado_echo_server.py CERTIFICATE [PORT]

CERTIFICATE is a PEM file with the private key and the certificate chain. PORT is 8443 by default; 0
lets the system choose one. The port is printed once the server listens. echo_client.py is a client
for it.
"""
from __future__ import print_function

import logging
import ssl
import sys

from tornado import gen
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets

import sslproto27
from sslproto27.tornado import TCPServer


class EchoServer(TCPServer):
    @gen.coroutine
    def handle_stream(self, stream, address):
        try:
            while True:
                data = yield stream.read_bytes(65536, partial=True)
                yield stream.write(data)
        except StreamClosedError as error:
            if error.real_error is not None:  # not a clean end
                logging.warning('%s: %s', address, error.real_error)


def main(certificate, port='8443'):
    context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = EchoServer(ssl_options=context, ssl_handshake_timeout=10)
    sockets = bind_sockets(int(port), '127.0.0.1')
    server.add_sockets(sockets)
    print('listening on port', sockets[0].getsockname()[1])
    sys.stdout.flush()
    IOLoop.current().start()


if __name__ == '__main__':
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
