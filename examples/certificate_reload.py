"""
A server that loads a new certificate without a restart: each handshake checks the file.

Usage: certificate_reload.py CERTIFICATE [PORT]

CERTIFICATE is a PEM file with the private key and the certificate chain; replace it at any time.
While it cannot be loaded, for example because it is half written, the server uses the previous one.
PORT is 8443 by default; 0 lets the system choose one. It is printed once the server listens.
"""
from __future__ import print_function

import logging
import os
import ssl
import sys

import sslproto27
from sslproto27 import aio


class Certificate(object):
    """A context that always uses the current certificate in a file."""

    def __init__(self, path):
        self.path = path
        self.newest = self.context = self.load()
        # Only on the first context: all connections start with it.
        self.context.set_servername_callback(self.choose)

    def look(self):
        status = os.stat(self.path)
        return status.st_mtime, status.st_ino, status.st_size

    def load(self):
        seen = self.look()
        context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.path)
        self.seen = seen
        return context

    def choose(self, ssl_object, server_name, context):
        try:
            if self.seen != self.look():
                self.newest = self.load()
        except EnvironmentError as error:  # also an SSLError; the next handshake tries again
            logging.warning('the old certificate is kept: %s', error)
        ssl_object.context = self.newest


def greet(reader, writer):
    writer.write(b'Hello\n')
    writer.close()


def main(certificate, port='8443'):
    aio.install()
    loop = aio.new_event_loop()
    aio.set_event_loop(loop)
    server = loop.run_until_complete(aio.start_server(
        greet, '127.0.0.1', int(port), ssl=Certificate(certificate).context))
    print('listening on port', server.sockets[0].getsockname()[1])
    sys.stdout.flush()
    loop.run_forever()


if __name__ == '__main__':
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
