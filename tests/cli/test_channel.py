"""A connection on the command line, from its first byte to its end."""
from __future__ import absolute_import, division, print_function

import signal
import socket
import ssl
import struct

from tests.support.commands import command, started, starts_programs
from tests.support.memory import knows_openssl_3
from tests.support.peers import hang_up, receive, serving

pytestmark = starts_programs


def goodbye(pki):
    """Return a handler that answers 'hello' with 'bye', and with an orderly end."""
    def handle(sock):
        secure = pki.server_context().wrap_socket(sock, server_side=True)
        assert receive(secure, 5) == b'hello'
        secure.sendall(b'bye')
        hang_up(secure.unwrap())
    return handle


class TestEnd(object):
    """How a connection ends."""

    @knows_openssl_3
    def test_cut_short(self, pki):
        """Without the peer's close_notify what came is written, and the status is 1."""
        def handle(sock):
            secure = pki.server_context().wrap_socket(sock, server_side=True)
            secure.sendall(b'half of it')
            receive(secure, 5)
            hang_up(secure)

        with serving(handle) as port:
            status, stdout, stderr = command(
                'connect', 'localhost:%d' % port, '--cafile', pki.path('ca'), '--quiet',
                input='hello')
        assert (1, 'half of it') == (status, stdout), stderr
        assert ('sslproto27: localhost:%d: the server ended the connection in the middle of TLS;'
                ' the data may be cut short\n' % port == stderr)

    def test_keep_open(self, pki):
        """With --keep-open the end of the input is not the end of TLS."""
        with serving(goodbye(pki)) as port:
            assert (0, 'bye', '') == command(
                'connect', 'localhost:%d' % port, '--cafile', pki.path('ca'), '--quiet',
                '--keep-open', input='hello')

    def test_server_first(self, pki):
        """The server's end is the end, though more input could come."""
        with serving(goodbye(pki)) as port:
            with started('connect', 'localhost:%d' % port, '--cafile', pki.path('ca'),
                         '--quiet') as process:
                process.stdin.write('hello')
                process.stdin.flush()
                assert ('bye', '') == (process.stdout.read(), process.stderr.read())
                assert 0 == process.wait()

    def test_reset(self, pki):
        """A connection that the server resets is one line."""
        def handle(sock):
            secure = pki.server_context().wrap_socket(sock, server_side=True)
            assert receive(secure, 5) == b'hello'
            secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            secure.close()

        with serving(handle) as port:
            with started('connect', 'localhost:%d' % port, '--cafile', pki.path('ca'),
                         '--quiet') as process:
                process.stdin.write('hello')
                process.stdin.flush()
                line = 'sslproto27: localhost:%d: Connection reset by peer\n' % port
                assert ('', line) == (process.stdout.read(), process.stderr.read())
                assert 1 == process.wait()

    def test_interrupt(self, pki):
        """Ctrl-C ends it with status 130, and without a word."""
        def handle(sock):
            secure = pki.server_context().wrap_socket(sock, server_side=True)
            secure.sendall(secure.recv(1))
            try:
                secure.recv(1)  # until the client is gone
            except (ssl.SSLError, socket.error):
                pass
            secure.close()

        with serving(handle) as port:
            with started('connect', 'localhost:%d' % port, '--cafile', pki.path('ca'),
                         '--quiet') as process:
                process.stdin.write('x')
                process.stdin.flush()
                assert 'x' == process.stdout.read(1)
                process.send_signal(signal.SIGINT)
                assert ('', '') == process.communicate()
                assert 130 == process.returncode
