"""Blocking TLS: timeouts, and the end."""
from __future__ import absolute_import, division, print_function

import errno
import select
import socket
import ssl

import pytest

from sslproto27 import SSLSocket
from sslproto27._core.blocking import CHUNK
from tests.support.memory import raised
from tests.support.pipe_pairs import native_call, pattern
from tests.support.remote_pipes import Bare, Gate, RemotePipe, in_parallel, renegotiates
from tests.support.sockets import PATIENCE, Background, read_exactly


class TestTimeouts(object):
    """settimeout is that of the socket below."""

    def test_read_again(self, tls):
        """After a timeout in reading one can read on."""
        ours, theirs = tls
        ours.settimeout(0.01)
        assert 0.01 == ours.gettimeout()
        assert socket.timeout is type(raised(ours.recv, 1))
        theirs.sendall(b'x')
        ours.settimeout(PATIENCE)
        assert b'x' == ours.recv(1)

    def test_write(self, tls):
        """A write that the peer does not take is a socket.timeout; the same write then goes on."""
        ours, theirs = tls
        data, sent = pattern(20000000), 0
        ours.settimeout(0.01)
        timeouts = 0
        while sent < len(data):
            try:
                sent += ours.send(data[sent:sent + 100000])
            except socket.timeout:
                timeouts += 1
                if timeouts == 2:  # the peer takes nothing before
                    peer = Background(read_exactly, theirs, len(data))
        assert data == peer.result()
        assert timeouts >= 2

    def test_write_other_data(self, tls):
        """After a timeout other data is refused, once what was encrypted is out."""
        ours, theirs = tls
        ours.settimeout(0.01)
        assert socket.timeout is type(raised(ours.sendall, b'x' * 20000000))
        assert socket.timeout is type(raised(ours.sendall, b'y'))
        ours.settimeout(PATIENCE)
        peer = Background(read_exactly, theirs, CHUNK)
        error = raised(ours.sendall, b'y')
        assert ('BAD_WRITE_RETRY', True, True) == (
            error.reason, isinstance(error, ssl.SSLError), isinstance(error, ValueError))
        assert b'x' * CHUNK == peer.result()
        while select.select([theirs], [], [], 0.3)[0] or theirs.pending():
            assert set(theirs.recv(1 << 20)) == set(b'x')
        ours.sendall(b'x' * CHUNK + b'end')  # the same data, and more
        assert b'end' == read_exactly(theirs, 3)

    def test_write_more_than_is_repeated(self, tls):
        """What a send that has timed out has taken is not sent again by one of the same data."""
        ours, theirs = tls
        ours.settimeout(0.1)
        sent = 0
        with pytest.raises(socket.timeout):
            while True:
                sent += ours.send(b'x' * 60000)
        ours.settimeout(PATIENCE)
        peer = Background(read_exactly, theirs, sent + 60004)
        ours.sendall(b'x' * 60000 + b'more')
        assert b'x' * (sent + 60000) + b'more' == peer.result()

    def test_close_after_a_timeout(self, tls):
        """Closing after a timeout in writing does not wait."""
        ours = tls[0]
        ours.settimeout(0.01)
        assert socket.timeout is type(raised(ours.sendall, b'x' * 20000000))
        ours.settimeout(PATIENCE)
        Background(ours.close).result()

    @pytest.fixture
    def gated(self, ends, client_context, server_context):
        """Our client over a `Gate`, that gate, and a pipe, connected."""
        server_context.options |= 0x100  # SSL_OP_ALLOW_CLIENT_RENEGOTIATION
        gate = Gate(ends[0])
        ours, theirs = in_parallel(
            lambda: SSLSocket(gate, client_context, server_hostname='localhost'),
            RemotePipe(ends[1], server_context, server_side=True).handshake)
        return ours, gate, theirs

    def test_answer_that_comes_first(self, tls):
        """After a write that has timed out, reading does not wait for it."""
        ours, theirs = tls
        ours.settimeout(0.2)
        assert socket.timeout is type(raised(ours.sendall, b'x' * (1 << 24)))
        theirs.sendall(b'too large')
        assert b'too large' == ours.recv(100)

    @renegotiates
    @pytest.mark.parametrize('tls_version', ['TLSv1.2'])
    def test_failed_answer(self, gated):
        """An answer of TLS itself that cannot be sent is an error of the read that it was for."""
        ours, gate, theirs = gated
        assert 1 == native_call(theirs.pipe.ssl_object, 'SSL_renegotiate')
        native_call(theirs.pipe.ssl_object, 'SSL_do_handshake')
        theirs.flush()
        gate.failure = socket.error(errno.EPIPE, 'nobody there')
        assert gate.failure is raised(ours.recv, 1)

    def test_failed_alert(self, gated):
        """Where the alert cannot be sent a broken record is still what the read fails with."""
        ours, gate, theirs = gated
        gate.failure = socket.error(errno.EPIPE, 'nobody there')
        theirs.sock.sendall(b'\x17\x03\x03\x00\x20' + b'broken' * 6)
        assert ssl.SSLError is type(raised(ours.recv, 1))

    def test_failed_write(self, gated):
        """Nothing is sent after a record that may have been cut short."""
        ours, gate, theirs = gated
        gate.failure = socket.timeout('full')
        assert gate.failure is raised(ours.sendall, b'lost')
        gate.failure = None
        assert errno.EPIPE == raised(ours.sendall, b'more').errno
        theirs.write(b'still read')
        assert b'still read' == ours.recv(100)


class TestEnd(object):
    """Who ends what, and how it shows."""

    def test_close_notify(self, tls):
        """The peer's close_notify is b'', again and again; we may still write."""
        ours, theirs = tls
        theirs.sendall(b'last')
        peer = Background(theirs.unwrap)
        assert (b'last', b'', b'') == (ours.recv(10), ours.recv(10), ours.recv(10))
        ours.unwrap()
        peer.result()

    def test_write_after_their_close_notify(self, remote):
        """TLS 1.3 lets us go on writing after the peer's close_notify (RFC 8446 6.1)."""
        ours, theirs = remote
        theirs.pipe.shutdown()
        theirs.flush()
        assert b'' == ours.recv(1)
        ours.sendall(b'more')
        theirs.step()
        assert b'more' == theirs.pipe.appdata_received()

    def test_truncation(self, remote, ends):
        """EOF without close_notify is SSLEOFError once the data is read, again and again."""
        ours, theirs = remote
        theirs.write(b'part')
        ends[1].shutdown(socket.SHUT_WR)
        assert b'part' == ours.recv(100)
        for _ in range(2):
            assert ssl.SSLEOFError is type(raised(ours.recv, 100))
        ours.sendall(b'I noticed')
        assert b'I noticed' == theirs.read(9)

    def test_truncation_suppressed(self, ends, client_context, server_context):
        """With suppress_ragged_eofs it is b''."""
        ours, theirs = in_parallel(
            lambda: SSLSocket(ends[0], client_context, server_hostname='localhost',
                              suppress_ragged_eofs=True),
            RemotePipe(ends[1], server_context, server_side=True).handshake)
        theirs.write(b'part')
        ends[1].shutdown(socket.SHUT_WR)
        assert (b'part', b'', b'') == (ours.recv(100), ours.recv(100), ours.recv(100))

    def test_broken(self, remote, ends):
        """A broken record is an SSLError after the data before it; the peer gets the alert."""
        ours, theirs = remote
        theirs.write(b'fine')
        ends[1].sendall(b'\x17\x03\x03\x00\x20' + b'broken' * 6)
        assert b'fine' == read_exactly(ours, 4)
        for call in (lambda: ours.recv(1), lambda: ours.sendall(b'x')):
            assert isinstance(raised(call), ssl.SSLError)
        assert 'ALERT' in raised(theirs.step).reason

    def test_close(self, remote, ends):
        """close sends close_notify, does not wait for the peer's, and closes the socket below."""
        ours, theirs = remote
        ours.close()
        theirs.step()
        assert 'PEER_CLOSED' == theirs.pipe.state
        assert b'' == ends[1].recv(1)

    def test_close_bare(self, ends, client_context, server_context):
        """Over something with neither settimeout nor close, close_notify is all there is to do."""
        ours, theirs = in_parallel(
            lambda: SSLSocket(Bare(ends[0]), client_context, server_hostname='localhost'),
            RemotePipe(ends[1], server_context, server_side=True).handshake)
        ours.close()
        theirs.step()
        assert 'PEER_CLOSED' == theirs.pipe.state
        ends[0].sendall(b'still open')
        assert b'still open' == ends[1].recv(100)

    def test_close_does_not_wait(self, remote, ends):
        """close returns even if the peer takes nothing more."""
        ours, _ = remote
        ends[0].settimeout(0)
        try:
            while True:
                ends[0].send(b'x' * 65536)
        except socket.error:
            pass
        ends[0].settimeout(None)
        Background(ours.close).result()

    def test_close_with_unsent_data(self, tls):
        """Nor does it wait if there is room for a part of the data that a write has left."""
        ours, theirs = tls
        ours.settimeout(0.1)
        assert socket.timeout is type(raised(ours.sendall, b'x' * (1 << 24)))
        ours.settimeout(None)
        read_exactly(theirs, 1 << 20)
        Background(ours.close).result()

    def test_closed(self, tls):
        """A closed socket can be closed again, and nothing else."""
        ours = tls[0]
        tls[1].sendall(b'unread')
        assert b'u' == ours.recv(1)
        ours.close()
        ours.close()
        for call in (lambda: ours.recv(1), lambda: ours.sendall(b'x'), ours.fileno,
                     lambda: ours.settimeout(1), lambda: ours.shutdown(socket.SHUT_RDWR)):
            assert errno.EBADF == raised(call).errno

    def test_shutdown(self, tls):
        """shutdown of our direction is close_notify and EOF; the other goes on."""
        ours, theirs = tls
        theirs.sendall(b'before')
        ours.shutdown(socket.SHUT_WR)
        assert errno.EPIPE == raised(ours.sendall, b'x').errno
        assert (b'', b'before') == (theirs.recv(1), ours.recv(100))

    def test_shutdown_of_reading(self, remote):
        """shutdown of the peer's direction is EOF for us, and says nothing; ours goes on."""
        ours, theirs = remote
        ours.shutdown(socket.SHUT_RD)
        assert ssl.SSLEOFError is type(raised(ours.recv, 1))
        ours.sendall(b'more')
        theirs.step()
        assert (b'more', 'OPEN') == (theirs.pipe.appdata_received(), theirs.pipe.state)

    def test_ended_behind_our_back(self, remote):
        """A write that OpenSSL refuses is its error, then and each time after."""
        ours, _ = remote
        raised(ours.ssl_object.unwrap)
        for _ in range(2):
            error = raised(ours.sendall, b'x')
            assert (ssl.SSLError, 'PROTOCOL_IS_SHUTDOWN') == (type(error), error.reason)

    def test_with(self, remote):
        """The end of a with block closes."""
        ours, theirs = remote
        with ours as same:
            assert ours is same
        theirs.step()
        assert 'PEER_CLOSED' == theirs.pipe.state
