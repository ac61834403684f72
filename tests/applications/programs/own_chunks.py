"""A subclass of SSLIOStream that sees all data on its way: own_chunks.py CERTIFICATE CA."""
from __future__ import print_function

import socket
import ssl
import sys

from tornado import gen, ioloop, iostream, netutil, tcpserver

CERTIFICATE, CA = sys.argv[1:]
SIZE = 100000


class Counting(iostream.SSLIOStream):
    """Counts what is read."""

    def initialize_count(self):
        """Begin."""
        self.count = 0

    def read_from_fd(self, buf):
        """Read, and count."""
        size = super(Counting, self).read_from_fd(buf)
        self.count += size or 0
        return size


class Server(tcpserver.TCPServer):
    """Sends much."""

    @gen.coroutine
    def handle_stream(self, stream, address):
        """Send."""
        yield stream.write(b'x' * SIZE)


@gen.coroutine
def main():
    """Print how much was seen."""
    server = Server(ssl_options=dict(certfile=CERTIFICATE))
    sockets = netutil.bind_sockets(0, '127.0.0.1')
    server.add_sockets(sockets)
    stream = Counting(socket.socket(), ssl_options=dict(cert_reqs=ssl.CERT_REQUIRED, ca_certs=CA))
    stream.initialize_count()
    yield stream.connect(sockets[0].getsockname(), server_hostname='localhost')
    data = yield stream.read_bytes(SIZE)
    print('%d bytes, %s' % (len(data), 'all seen' if stream.count == SIZE else stream.count))
    stream.close()


ioloop.IOLoop.current().run_sync(main)
