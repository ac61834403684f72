"""
Mutual TLS whose certificate and authorities change without a restart, on SIGHUP.

Usage: mutual_tls_reload.py AUTHORITIES CERTIFICATE [PORT]

AUTHORITIES is a PEM file with the authorities that certify clients. CERTIFICATE is a PEM file with
the server's private key and certificate chain. SIGHUP makes the server read both again, for new
connections. If they cannot be loaded, the server keeps the old ones.
PORT is 8443 by default; 0 lets the system choose one. It is printed once the server listens.

Each reload makes a new context, and a new server on the same listening socket. A server name
callback that chooses a new context would not be enough: the old context would still accept its
session tickets, and a ticket admits a client whose authority is no longer trusted.
"""
from __future__ import print_function

import logging
import signal
import socket
import ssl
import sys

import sslproto27
from sslproto27 import aio
from sslproto27.aio import From


class Server(object):
    """Serves a listening socket with the newest context."""

    def __init__(self, authorities, certificate, port):
        self.authorities, self.certificate = authorities, certificate
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.1', port))
        self.server = None

    def context(self):
        context = sslproto27.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cafile=self.authorities)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(self.certificate)
        return context

    @aio.coroutine
    def reload(self):
        try:
            context = self.context()
        except EnvironmentError as error:  # also an SSLError
            logging.warning('the old files stay in use: %s', error)
            return
        old = self.server
        if old is not None:
            old.close()  # its connections stay open
        # Clients that have connected meanwhile wait in the socket's queue.
        self.server = yield From(aio.start_server(greet, sock=self.listener.dup(), ssl=context))
        say('serving port %d' % self.listener.getsockname()[1])


def greet(reader, writer):
    names = [value for _, value in writer.get_extra_info('peercert')['subjectAltName']]
    writer.write(('Hello, %s\n' % names[0]).encode('ascii'))
    writer.close()


def say(line):
    print(line)
    sys.stdout.flush()


def main(authorities, certificate, port='8443'):
    aio.install()
    loop = aio.new_event_loop()
    aio.set_event_loop(loop)
    server = Server(authorities, certificate, int(port))
    server.context()  # fail now if the first one cannot be loaded
    loop.run_until_complete(server.reload())
    loop.add_signal_handler(signal.SIGHUP, lambda: aio.ensure_future(server.reload()))
    loop.run_forever()


if __name__ == '__main__':
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
