"""A subclass of SSLIOStream that reads its own socket, as drivers of databases do."""
from __future__ import print_function

import socket
import ssl
import sys

from tornado import concurrent, gen, ioloop, iostream, netutil, tcpserver

CERTIFICATE, CA = sys.argv[1:]


class Quick(iostream.SSLIOStream):
    """Goes around Tornado's buffers."""

    def _handle_read(self):
        if self._ssl_accepting:
            self._do_ssl_handshake()
            return
        try:
            data = self.socket.recv(self.read_chunk_size)
        except ssl.SSLError as error:
            if error.args[0] == ssl.SSL_ERROR_WANT_READ:
                return
            raise
        self.got.set_result(data)


class Server(tcpserver.TCPServer):
    """Greets once it is asked to."""

    @gen.coroutine
    def handle_stream(self, stream, address):
        """Greet."""
        yield stream.read_bytes(1)
        yield stream.write(b'hello')


@gen.coroutine
def main():
    """Print the greeting."""
    server = Server(ssl_options=dict(certfile=CERTIFICATE))
    sockets = netutil.bind_sockets(0, '127.0.0.1')
    server.add_sockets(sockets)
    stream = Quick(socket.socket(), ssl_options=dict(cert_reqs=ssl.CERT_REQUIRED, ca_certs=CA))
    yield stream.connect(sockets[0].getsockname(), server_hostname='localhost')
    stream.got = concurrent.Future()
    yield stream.write(b'?')
    stream._add_io_state(stream.io_loop.READ)
    print((yield gen.with_timeout(ioloop.IOLoop.current().time() + 5, stream.got)).decode())
    stream.close()


ioloop.IOLoop.current().run_sync(main)
