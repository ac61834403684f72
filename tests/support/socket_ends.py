"""TLS objects over sockets: what a program does that has no `SSLSocket`."""
from __future__ import absolute_import, division, print_function

import ssl

from tests.support.memory import Endpoint

__all__ = ['ALLOW_RENEGOTIATION', 'SocketEnd']

# SSL_OP_ALLOW_CLIENT_RENEGOTIATION; before OpenSSL 3.0 there is none, and renegotiation is on.
ALLOW_RENEGOTIATION = 0x100 if ssl.OPENSSL_VERSION_INFO >= (3,) else 0


class SocketEnd(object):
    """A TLS object whose records travel over a blocking socket."""

    def __init__(self, sock, context, **kwargs):
        self.socket = sock
        self.end = Endpoint.wrap(context, **kwargs)
        self.sslobj = self.end.sslobj

    def call(self, method, *args):
        """Call a method of the TLS object until it wants to read no more; return its result."""
        while True:
            try:
                result = getattr(self.sslobj, method)(*args)
            except ssl.SSLWantReadError:
                self.flush()
                self.receive()
                continue
            except ssl.SSLError:
                self.flush()
                raise
            self.flush()
            return result

    def flush(self):
        """Send what waits in the outgoing BIO, if anything does: the peer may be gone."""
        data = self.end.outgoing.read()
        if data:
            self.socket.sendall(data)

    def receive(self):
        """Wait for bytes or EOF, and put them into the incoming BIO."""
        data = self.socket.recv(65536)
        if data:
            self.end.incoming.write(data)
        else:
            self.end.incoming.write_eof()

    def read_exactly(self, size):
        """Return *size* bytes of plaintext."""
        chunks = []
        while size:
            chunk = self.call('read', size)
            if not chunk:
                raise AssertionError('the peer closed %d bytes too early' % size)
            chunks.append(chunk)
            size -= len(chunk)
        return b''.join(chunks)
