"""
TLS in front of a plain TCP service, on Tornado.

Usage: tornado_terminator.py CERTIFICATE SERVICE_PORT [PORT]

It passes data between TLS clients on PORT and a plaintext service on SERVICE_PORT of this machine.
CERTIFICATE is a PEM file with the private key and the certificate chain. PORT is 8443 by default; 0
lets the system choose one. The port is printed once the server listens.
"""
from __future__ import print_function

import logging
import ssl
import sys

from tornado import gen
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.tcpclient import TCPClient

import sslproto27
from sslproto27.tornado import TCPServer


@gen.coroutine
def carry(source, target):
    """Copy bytes, no faster than the receiver takes them, until either side ends."""
    try:
        while True:
            data = yield source.read_bytes(65536, partial=True)
            yield target.write(data)
    except StreamClosedError:
        target.close()


class Terminator(TCPServer):
    def __init__(self, service_port, **kwargs):
        super(Terminator, self).__init__(**kwargs)
        self.service_port = service_port
        self.client = TCPClient()

    @gen.coroutine
    def handle_stream(self, stream, address):
        try:
            yield stream.wait_for_handshake()
            service = yield self.client.connect('127.0.0.1', self.service_port)
        except (EnvironmentError, StreamClosedError) as error:
            logging.warning('%s: %s', address, error)
            stream.close()
        else:
            yield [carry(stream, service), carry(service, stream)]


def main(certificate, service_port, port='8443'):
    context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = Terminator(int(service_port), ssl_options=context, ssl_handshake_timeout=10)
    sockets = bind_sockets(int(port), '127.0.0.1')
    server.add_sockets(sockets)
    print('listening on port', sockets[0].getsockname()[1])
    sys.stdout.flush()
    IOLoop.current().start()


if __name__ == '__main__':
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
