"""`SSLSocket`: blocking TLS over anything with recv and sendall."""
from __future__ import absolute_import, division, print_function

import collections
import errno
import select
import socket
import ssl
import threading
import time

import pytest

from sslproto27 import SSLCertVerificationError, SSLSocket
from sslproto27._core.amount import OneRecord, ReadAhead
from tests.support.memory import PY2, knows_openssl_3, only_python2, raised
from tests.support.pipe_pairs import native_call, pattern
from tests.support.remote_pipes import Bare, Gate, RemotePipe, in_parallel, renegotiates
from tests.support.sockets import PATIENCE, Background, connection, read_exactly

SIDES = ['client', 'server']


class TestConversation(object):
    """Bytes both ways, with the interpreter's own SSLSocket at the other end."""

    @pytest.mark.parametrize('side', SIDES)
    @pytest.mark.parametrize('lower', [Bare, lambda sock: sock], ids=['bare', 'socket'])
    def test_echo(self, ends, client_context, server_context, side, lower, tls_version):
        """A client and a server talk to the interpreter's own, over any recv and sendall."""
        client, server = dict(server_hostname='localhost'), dict(server_side=True)
        if side == 'client':
            ours, theirs = (client_context, client), (server_context, server)
        else:
            ours, theirs = (server_context, server), (client_context, client)

        def echo():
            sock = theirs[0].wrap_socket(ends[1], **theirs[1])
            sock.sendall(read_exactly(sock, 100000))
            sock.unwrap().close()
            sock.close()
        peer = Background(echo)
        sock = SSLSocket(lower(ends[0]), ours[0], **ours[1])
        sock.sendall(pattern(100000))
        assert pattern(100000) == read_exactly(sock, 100000)
        assert (tls_version, b'') == (sock.version(), sock.recv(1))
        sock.unwrap()
        peer.result()

    def test_sizes(self, tls):
        """A read returns what is there, at most what was asked for, in order."""
        ours, theirs = tls
        theirs.sendall(b'abcdefghij')
        assert b'abc' == ours.recv(3)
        assert (b'', 7) == (ours.recv(0), ours.pending())
        assert (b'd', b'efghij') == (ours.read(1), ours.recv(100))
        assert (b'', 0) == (ours.recv(0), ours.pending())

    def test_pending_of_many_records(self, tls):
        """pending() tells how much there is without a look at each record."""
        class Unseen(collections.deque):
            """One that nobody may go through."""
            __iter__ = None
        ours, theirs = tls
        for _ in range(50):
            theirs.sendall(b'x')
        assert b'x' == ours.recv(1)
        pending = ours.pending()
        assert pending > 5
        ours._engine._later = Unseen(ours._engine._later)
        for left in reversed(range(pending)):
            assert (b'x', left) == (ours.recv(1), ours.pending())

    def test_recv_into(self, tls):
        """recv_into fills a buffer, or as much of it as it is told to."""
        ours, theirs = tls
        theirs.sendall(b'abcdefgh')
        target = bytearray(b'......')
        assert 2 == ours.recv_into(target, 2)
        assert b'ab....' == target
        assert 3 == ours.recv_into(memoryview(target)[3:])
        assert b'ab.cde' == target
        assert 3 == ours.read(100, target)
        assert b'fghcde' == target

    @pytest.mark.parametrize('call', [
        lambda sock: sock.recv_into(b'read-only'),
        lambda sock: sock.recv_into(None),
        lambda sock: sock.recv('1'),
        lambda sock: sock.sendall(None),
        lambda sock: sock.send(17),
    ])
    def test_wrong_types(self, tls, call):
        """What is of a wrong type is refused, and costs no data."""
        ours, theirs = tls
        theirs.sendall(b'safe')
        assert TypeError is type(raised(call, ours))
        assert b'safe' == ours.recv(10)

    @pytest.mark.parametrize('call', [
        lambda sock: sock.recv(-1),
        lambda sock: sock.recv(1, socket.MSG_PEEK),
        lambda sock: sock.recv_into(bytearray(1), -1),
        lambda sock: sock.recv_into(bytearray(1), 1, socket.MSG_PEEK),
        lambda sock: sock.send(b'x', socket.MSG_OOB),
        lambda sock: sock.sendall(b'x', socket.MSG_OOB),
    ])
    def test_wrong_values(self, tls, call):
        """Sizes below 0 and flags, which cannot get through TLS, are refused."""
        assert ValueError is type(raised(call, tls[0]))

    @pytest.mark.parametrize('make', [bytearray, memoryview])
    def test_sendall_buffers(self, tls, make):
        """sendall takes buffers of other kinds, and empty ones."""
        ours, theirs = tls
        ours.sendall(b'')
        ours.sendall(make(b'some bytes'))
        assert b'some bytes' == read_exactly(theirs, 10)

    def test_send(self, tls):
        """send says how many bytes went out, and those did."""
        ours, theirs = tls
        data = pattern(1000000)
        peer = Background(read_exactly, theirs, len(data))
        sent = 0
        while sent < len(data):
            count = ours.send(data[sent:])
            assert 0 < count <= len(data) - sent
            sent += count
        assert data == peer.result()
        assert (0, 3) == (ours.send(b''), ours.write(b'abc'))

    def test_sendall_large(self, tls):
        """sendall sends all, however much that is."""
        ours, theirs = tls
        data = pattern(1000000)
        peer = Background(read_exactly, theirs, len(data))
        ours.sendall(data)
        assert data == peer.result()

    def test_repr(self, remote, ends):
        """repr tells the state, and what is below."""
        ours, theirs = remote
        assert '<SSLSocket OPEN over %r>' % ends[0] == repr(ours)
        theirs.pipe.shutdown()
        theirs.flush()
        ours.recv(1)
        assert '<SSLSocket PEER_CLOSED ' in repr(ours)

    @only_python2
    def test_text(self, tls):
        """On Python 2 ASCII text is sent, as by its own sockets; other text is refused."""
        ours, theirs = tls
        ours.sendall(u'GET /')
        assert b'GET /' == read_exactly(theirs, 5)
        assert UnicodeEncodeError is type(raised(ours.sendall, u'\xe4'))

    @pytest.mark.skipif(PY2, reason='Python 2 takes ASCII text for bytes')
    def test_no_text(self, tls):
        """On Python 3 text is refused."""
        assert TypeError is type(raised(tls[0].sendall, u'GET /'))

    def test_what_is_known(self, tls, pki, tls_version, client_context):
        """What was negotiated, and what the socket below knows, can be asked for."""
        ours, theirs = tls
        assert pki.chain('localhost')[0] == ours.getpeercert(True)
        assert (('DNS', 'localhost'), 'localhost') == (
            ours.getpeercert()['subjectAltName'][0], ours.server_hostname)
        assert theirs.cipher()[0] == ours.cipher()[0]
        assert (tls_version, None, None) == (
            ours.version(), ours.compression(), ours.selected_alpn_protocol())
        assert (False, False, client_context) == (
            ours.server_side, ours.session_reused, ours.context)
        assert (PATIENCE, ours._lower.fileno()) == (ours.gettimeout(), ours.fileno())
        assert ours._lower.getsockname() == ours.getsockname()
        assert (ours._lower.family, ours._lower.type) == (ours.family, ours.type)

    @pytest.mark.parametrize('name', ['sendto', 'recvfrom', 'dup', 'detach', 'sendmsg', 'recvmsg',
                                      'sendfile', 'accept', '_sock'])
    def test_no_way_past(self, tls, name):
        """Nothing of the socket below that could send or receive plaintext can be reached."""
        assert not hasattr(tls[0], name)

    def test_resumption(self, client_context, server_context):
        """A session of one connection is resumed by the next."""
        session, reused = None, []
        for _ in range(2):
            with connection() as ends:
                peer = Background(SSLSocket, ends[1], server_context, server_side=True)
                with SSLSocket(ends[0], client_context, server_hostname='localhost',
                               session=session) as ours:
                    peer.result().sendall(b'x')
                    assert b'x' == ours.recv(1)
                    session = ours.session
                    reused.append(ours.session_reused)
        assert [False, True] == reused


class TestHandshake(object):
    """When it happens, and how it fails."""

    def test_by_itself(self, ends, client_context, server_context):
        """Put off, it is done by the first write, before which nothing is sent."""
        ours = SSLSocket(ends[0], client_context, server_hostname='localhost',
                         do_handshake_on_connect=False)
        assert [] == select.select([ends[1]], [], [], 0)[0]
        _, theirs = in_parallel(
            lambda: ours.sendall(b'early'),
            lambda: server_context.wrap_socket(ends[1], server_side=True))
        assert b'early' == read_exactly(theirs, 5)
        ours.do_handshake()
        theirs.sendall(b'late')
        assert b'late' == read_exactly(ours, 4)
        theirs.close()

    def test_by_reading(self, ends, client_context, server_context):
        """Put off, it is done by the first read."""
        ours = SSLSocket(ends[0], server_context, server_side=True, do_handshake_on_connect=False)

        def peer():
            sock = client_context.wrap_socket(ends[1], server_hostname='localhost')
            sock.sendall(b'hello')
            return sock
        data, theirs = in_parallel(lambda: ours.recv(100), peer)
        assert b'hello' == data
        theirs.close()

    @pytest.mark.parametrize('leaf', ['stranger', 'other', 'expired'])
    def test_refused(self, ends, pki, tls_version, client_context, leaf):
        """A certificate that does not verify fails the handshake, and the peer is told."""
        peer = Background(pki.server_context(leaf, tls_version).wrap_socket, ends[1],
                          server_side=True)
        error = raised(SSLSocket, ends[0], client_context, server_hostname='localhost')
        assert SSLCertVerificationError is type(error)
        assert 'ALERT' in raised(peer.result).reason
        ends[0].sendall(b'')  # still open

    def test_their_refusal(self, ends, pki, tls_version, server_context):
        """A server whose client does not trust it gets the client's alert."""
        context = pki.client_context(tls_version, trust='stranger-ca')
        peer = Background(raised, SSLSocket, ends[1], context, server_hostname='localhost')
        error = raised(SSLSocket, ends[0], server_context, server_side=True)
        assert (ssl.SSLError, 'TLSV1_ALERT_UNKNOWN_CA') == (type(error), error.reason)
        assert SSLCertVerificationError is type(peer.result())

    def test_refused_before_a_write(self, ends, pki, tls_version, client_context):
        """Put off, it fails the write that does it, and each call after that."""
        peer = Background(raised, SSLSocket, ends[1], pki.server_context('other', tls_version),
                          server_side=True)
        ours = SSLSocket(ends[0], client_context, server_hostname='localhost',
                         do_handshake_on_connect=False)
        for call in (lambda: ours.sendall(b'secret'), lambda: ours.sendall(b'secret'),
                     lambda: ours.recv(1), ours.do_handshake):
            assert SSLCertVerificationError is type(raised(call))
        peer.result()

    @pytest.mark.parametrize('suppress', [False, True])
    def test_eof(self, ends, client_context, suppress):
        """EOF in the handshake is never a clean end."""
        ends[1].shutdown(socket.SHUT_WR)
        error = raised(SSLSocket, ends[0], client_context, server_hostname='localhost',
                       suppress_ragged_eofs=suppress)
        assert ssl.SSLEOFError is type(error)

    def test_timeout(self, ends, client_context):
        """A peer that says nothing is a socket.timeout."""
        ends[0].settimeout(0.01)
        error = raised(SSLSocket, ends[0], client_context, server_hostname='localhost')
        assert socket.timeout is type(error)

    def test_name_is_missing(self, ends, client_context):
        """A client without a name to check is refused unless the context checks none."""
        for name in (None, ''):
            assert ValueError is type(raised(
                SSLSocket, ends[0], client_context, server_hostname=name))
        assert [] == select.select([ends[1]], [], [], 0)[0]

    def test_no_context(self, ends):
        """What is no context is a TypeError."""
        assert TypeError is type(raised(SSLSocket, ends[0], None, server_hostname='localhost'))


class TestMessages(object):
    """What recv() joins of what is here already."""

    @pytest.mark.parametrize('sizes', [(5, 5), (10000, 10), (16384, 1, 1), (9000, 9000)])
    def test_writes_stay_apart(self, remote, sizes):
        """
        Full records are joined with what follows them. The next write of the peer's is not, as
        ssl.SSLSocket returns no more than a record.
        """
        ours, theirs = remote
        wire = b''
        for size in sizes:
            theirs.pipe.feed_appdata(pattern(size))
            wire += theirs.pipe.data_to_send()
        theirs.sock.sendall(wire)
        got = [len(ours.recv(1 << 20))]
        while sum(got) < sum(sizes):
            got.append(len(ours.recv(1 << 20)))
        written = [sum(sizes[:count]) for count, size in enumerate(sizes, 1) if size % 16384]
        assert set(written) <= {sum(got[:count]) for count in range(1, len(got) + 1)}


class TestUnwrap(object):
    """Back to plaintext."""

    def test_nothing_is_pending_when_closed(self, tls):
        """What was not read is gone with the socket."""
        ours, theirs = tls
        theirs.sendall(b'four')
        assert b'f' == ours.recv(1)
        ours.close()
        assert 0 == ours.pending()

    def test_lower(self, tls, ends):
        """unwrap returns the socket below, which then carries plaintext."""
        ours, theirs = tls
        plain, theirs = in_parallel(ours.unwrap, theirs.unwrap)
        assert plain is ends[0]
        plain.sendall(b'plain')
        assert b'plain' == theirs.recv(5)
        theirs.close()

    def test_after_shutdown(self, tls):
        """After a shutdown of our direction unwrap waits for the peer's close_notify."""
        ours, theirs = tls
        ours.shutdown(socket.SHUT_WR)
        peer = Background(theirs.unwrap)
        assert ours._lower is ours.unwrap()
        peer.result().close()

    def test_broken(self, remote):
        """A broken record instead of their close_notify is an SSLError."""
        ours, theirs = remote
        theirs.sock.sendall(b'\x17\x03\x03\x00\x20' + b'broken' * 6)
        assert ssl.SSLError is type(raised(ours.unwrap))

    def test_trailing_bytes(self, remote):
        """What is here already of what follows close_notify is handed over."""
        ours, theirs = remote
        theirs.pipe.shutdown()
        theirs.sock.sendall(theirs.pipe.data_to_send() + b'plain')
        plain = ours.unwrap()
        theirs.step()
        assert 'CLOSED' == theirs.pipe.state
        assert b'plain' == plain.recv(100)
        theirs.sock.sendall(b'more')
        assert b'more' == plain.recv(100)
        plain.sendall(b'answer')
        assert b'answer' == theirs.sock.recv(100)
        theirs.sock.close()
        assert b'' == plain.recv(1)

    def test_tls_again(self, remote, server_context):
        """After unwrap TLS can start anew; what has come already is part of it, not plaintext."""
        ours, theirs = remote
        theirs.pipe.shutdown()
        theirs.sock.sendall(theirs.pipe.data_to_send() + b'GET / HTTP/1.0\r\n\r\n')
        assert ours is ours.unwrap()
        error = raised(ours.do_handshake)
        assert isinstance(error, ssl.SSLError)
        assert error is raised(ours.recv, 100)

    def test_tls_again_after_plaintext(self, remote):
        """What was read as plaintext in between, bytewise too, is no part of the new TLS."""
        ours, theirs = remote
        theirs.pipe.shutdown()
        theirs.sock.sendall(theirs.pipe.data_to_send() + b'ok')
        assert ours is ours.unwrap()
        theirs.step()
        assert (b'o', b'k') == (ours.recv(1), ours.recv(1))
        theirs.pipe.unwrap()
        theirs.pipe.do_handshake()
        in_parallel(ours.do_handshake, theirs.handshake)
        theirs.write(b'again')
        assert b'again' == ours.recv(100)

    def test_data_before_their_close_notify(self, remote):
        """What the peer sends before it takes note is dropped."""
        ours, theirs = remote
        theirs.write(b'unread')
        peer = Background(ours.unwrap)
        theirs.step()
        assert 'PEER_CLOSED' == theirs.pipe.state
        theirs.write(b'late')
        theirs.pipe.shutdown()
        theirs.flush()
        assert ours._lower is peer.result()

    def test_peer_goes_on(self, remote):
        """A peer that never ends is given up."""
        ours, theirs = remote
        peer = Background(raised, ours.unwrap)
        for _ in range(80):
            theirs.write(pattern(16384))
        assert errno.ECONNABORTED == peer.result().errno

    def test_eof(self, remote, ends):
        """EOF instead of close_notify is SSLEOFError."""
        ours, _ = remote
        ends[1].shutdown(socket.SHUT_WR)
        assert ssl.SSLEOFError is type(raised(ours.unwrap))

    def test_nothing_to_end(self, ends, client_context):
        """Before the handshake there is nothing to unwrap."""
        ours = SSLSocket(ends[0], client_context, server_hostname='localhost',
                         do_handshake_on_connect=False)
        error = raised(ours.unwrap)
        assert (ssl.SSLError, 'SHUTDOWN_WHILE_IN_INIT') == (type(error), error.reason)

    def test_twice(self, tls):
        """After unwrap a second one is refused, by its name, and plaintext stays readable."""
        ours, theirs = tls
        plain, theirs = in_parallel(ours.unwrap, theirs.unwrap)
        error = raised(ours.unwrap)
        assert (RuntimeError, 'unwrap() is not possible in state PLAINTEXT') == (
            type(error), str(error))
        theirs.sendall(b'plain')
        assert b'plain' == plain.recv(5)
        theirs.close()


class TestThreads(object):
    """One thread reads while another one writes."""

    def test_full_duplex(self, ends, client_context, server_context):
        """Both sides send more than the buffers between them hold, and all of it arrives."""
        peer = Background(SSLSocket, ends[1], server_context, server_side=True)
        ours = SSLSocket(ends[0], client_context, server_hostname='localhost')
        self.check_full_duplex(ours, peer.result())

    def check_full_duplex(self, ours, theirs):
        """Send 4 MiB both ways at once."""
        data = pattern(1 << 22)
        readers = [Background(read_exactly, sock, len(data)) for sock in (ours, theirs)]
        writers = [Background(write_in_pieces, sock, data) for sock in (ours, theirs)]
        for writer in writers:
            writer.result()
        assert [True, True] == [data == reader.result() for reader in readers]

    def test_tls_in_tls(self, ends, client_context, server_context):
        """TLS in TLS, both ways at once; each layer has its own end."""
        def wrap(sock):
            return SSLSocket(SSLSocket(sock, server_context, server_side=True), server_context,
                             server_side=True)
        peer = Background(wrap, ends[1])
        inner = SSLSocket(ends[0], client_context, server_hostname='localhost')
        ours = SSLSocket(inner, client_context, server_hostname='localhost')
        theirs = peer.result()
        self.check_full_duplex(ours, theirs)
        peer = Background(theirs.unwrap)
        assert inner is ours.unwrap()
        outer = peer.result()
        inner.sendall(b'one layer less')
        assert b'one layer less' == outer.recv(100)
        assert (ends[0].fileno(), PATIENCE) == (ours.fileno(), ours.gettimeout())

    def test_reading_does_not_wait_for_writing(self, ends, client_context, server_context):
        """
        Who reads does not wait for who writes, not even to send an alert; the writer sends it.
        """
        gate = Gate(ends[0])
        ours, theirs = in_parallel(
            lambda: SSLSocket(gate, client_context, server_hostname='localhost'),
            RemotePipe(ends[1], server_context, server_side=True).handshake)
        gate.open.clear()
        writer = Background(raised, ours.sendall, b'held up')
        assert gate.waiting.wait(PATIENCE)
        theirs.write(b'data')
        assert b'data' == Background(ours.recv, 100).result()
        ends[1].sendall(b'broken record')
        assert isinstance(Background(raised, ours.recv, 100).result(), ssl.SSLError)
        gate.open.set()
        writer.result()
        assert 'ALERT' in raised(theirs.drain).reason
        assert b'held up' == theirs.pipe.appdata_received()

    def test_reading_sends_no_data_of_who_writes(self, ends, client_context, server_context):
        """
        What one thread writes leaves from that one alone: the socket below may be full.

        The other one reads just after the data has been encrypted.
        """
        ours, theirs = in_parallel(
            lambda: SSLSocket(ends[0], client_context, server_hostname='localhost'),
            RemotePipe(ends[1], server_context, server_side=True).handshake)
        lock = ours._lock = Pausing(ours._lock)
        writer = Background(lock.run, ours.sendall, b'held up')
        assert lock.is_left.wait(PATIENCE)
        theirs.write(b'data')
        assert b'data' == Background(ours.recv, 100).result()
        assert ([], [], []) == select.select([ends[1]], [], [], 0)
        lock.go_on.set()
        writer.result()
        assert b'held up' == theirs.read(7)

    @renegotiates
    @pytest.mark.parametrize('tls_version', ['TLSv1.2'])
    @pytest.mark.parametrize('timeout', [None, PATIENCE])
    def test_reading_does_not_wait_for_room(self, remote, ends, timeout):
        """What reading itself has to send waits until there is room, and the data comes at once."""
        ours, theirs = remote
        ends[0].settimeout(timeout)
        size = fill(ends[0])
        reader = Background(ours.recv, 100)
        assert 1 == native_call(theirs.pipe.ssl_object, 'SSL_renegotiate')
        native_call(theirs.pipe.ssl_object, 'SSL_do_handshake')
        theirs.flush()
        theirs.write(b'data')
        assert b'data' == reader.result()
        reader = Background(raised, ours.recv, 100)
        read_exactly(ends[1], size)
        assert b'\x16\x03\x03' == read_exactly(ends[1], 3)  # our part of the new handshake
        ends[1].shutdown(socket.SHUT_RDWR)
        assert isinstance(reader.result(), ssl.SSLEOFError)

    @renegotiates
    @pytest.mark.parametrize('tls_version', ['TLSv1.2'])
    def test_write_in_a_new_handshake(self, remote, ends):
        """A write during a renegotiation that the peer has started is sent after it."""
        ours, theirs = remote
        assert 1 == native_call(theirs.pipe.ssl_object, 'SSL_renegotiate')
        native_call(theirs.pipe.ssl_object, 'SSL_do_handshake')
        theirs.flush()
        ends[0].settimeout(0.01)
        assert socket.timeout is type(raised(ours.recv, 1))  # takes note of the request
        ends[0].settimeout(PATIENCE)
        writer = Background(ours.sendall, b'after it')
        assert b'after it' == theirs.read(8)
        writer.result()

    @renegotiates
    @pytest.mark.parametrize('tls_version', ['TLSv1.2'])
    def test_write_while_another_reads_in_a_new_handshake(self, remote):
        """During a renegotiation a thread that writes waits for the one that reads."""
        ours, theirs = remote
        reader = Background(ours.recv, 100)
        assert 1 == native_call(theirs.pipe.ssl_object, 'SSL_renegotiate')
        native_call(theirs.pipe.ssl_object, 'SSL_do_handshake')
        theirs.flush()
        hello = theirs.sock.recv(65536)  # the reader has taken note of the request
        writer = Background(ours.sendall, b'request')
        writer.join(0.1)
        assert writer.is_alive()  # the reader might give up, and never send it
        theirs.pipe.feed_ssldata(hello)
        theirs.flush()
        assert b'request' == theirs.read(7)
        writer.result()
        theirs.write(b'answer')
        assert b'answer' == reader.result()

    @renegotiates
    @pytest.mark.parametrize('tls_version', ['TLSv1.2'])
    @pytest.mark.parametrize('timeout, error', [(0.2, socket.timeout), (0, ssl.SSLWantReadError)])
    def test_write_gives_up_in_a_new_handshake(self, remote, ends, timeout, error):
        """Nobody believes that data is sent which still waits for another thread's handshake."""
        ours, theirs = remote
        reader = Background(ours.recv, 100)
        assert 1 == native_call(theirs.pipe.ssl_object, 'SSL_renegotiate')
        native_call(theirs.pipe.ssl_object, 'SSL_do_handshake')
        theirs.flush()
        hello = theirs.sock.recv(65536)
        time.sleep(0.2)  # until the reader waits again, without the new timeout
        ends[0].settimeout(timeout)
        assert error is type(raised(ours.sendall, b'request'))
        ends[0].settimeout(PATIENCE)
        theirs.pipe.feed_ssldata(hello)
        theirs.flush()
        writer = Background(ours.sendall, b'request')
        assert b'request' == theirs.read(7)
        writer.result()
        theirs.write(b'answer')
        assert b'answer' == reader.result()

    def test_writer_shakes_hands(self, ends, client_context, server_context):
        """A thread whose write shakes hands does not keep another one from reading."""
        data = pattern(1 << 22)

        def talk():
            theirs = SSLSocket(ends[1], server_context, server_side=True)
            theirs.sendall(data)
            return read_exactly(theirs, len(data))
        peer = Background(talk)
        ours = SSLSocket(ends[0], client_context, server_hostname='localhost',
                         do_handshake_on_connect=False)
        writer = Background(ours.sendall, data)
        writer.join(0.2)
        assert data == Background(read_exactly, ours, len(data)).result()
        assert data == peer.result()
        writer.result()

    def test_unwrap_beside_a_reader(self, remote):
        """Our end of TLS leaves at once, though another thread is reading."""
        ours, theirs = remote
        reader = Background(ours.recv, 100)
        reader.join(0.1)
        unwrapping = Background(ours.unwrap)
        theirs.step()
        assert 'PEER_CLOSED' == theirs.pipe.state
        theirs.pipe.shutdown()
        theirs.flush()
        assert b'' == reader.result()
        unwrapping.result()

    def test_nested_send_that_is_repeated(self, ends, client_context, server_context):
        """After a send that has timed out over TLS, reading does not send a part of it."""
        def wrap(sock):
            return SSLSocket(SSLSocket(sock, server_context, server_side=True), server_context,
                             server_side=True)
        peer = Background(wrap, ends[1])
        ours = SSLSocket(SSLSocket(ends[0], client_context, server_hostname='localhost'),
                         client_context, server_hostname='localhost')
        theirs = peer.result()
        ours.settimeout(0.2)
        sent = 0
        with pytest.raises(socket.timeout):
            while True:
                sent += ours.send(pattern(60000))
        theirs.sendall(b'early')
        assert b'early' == ours.recv(100)
        ours.settimeout(PATIENCE)
        reader = Background(read_exactly, theirs, sent + 60000)
        assert 60000 == ours.send(pattern(60000))
        assert pattern(60000) * (sent // 60000 + 1) == reader.result()

    @pytest.mark.parametrize('is_split', [False, True])
    @pytest.mark.parametrize('amount', [ReadAhead, OneRecord])
    def test_pending_below(self, ends, client_context, server_context, amount, is_split):
        """A loop that asks pending() before select() gets all that has arrived, over TLS too."""
        class Socket(SSLSocket):
            _new_amount = amount

        def wrap(sock):
            lower = SSLSocket(sock, server_context, server_side=True)
            return SSLSocket(lower, server_context, server_side=True), lower
        peer = Background(wrap, ends[1])
        lower = Socket(ends[0], client_context, server_hostname='localhost')
        ours = Socket(lower, client_context, server_hostname='localhost')
        ours.settimeout(PATIENCE)
        theirs, below = peer.result()
        theirs.sendall(b'x')  # session tickets come before it
        assert b'x' == ours.recv(1)
        inner = theirs._pipe
        for data in (b'first', b'second'):
            inner.feed_appdata(data)
            if is_split:
                below.sendall(inner.data_to_send())
        below.sendall(inner.data_to_send())
        received = ours.recv(100)
        while len(received) < len(b'firstsecond'):
            assert ours.pending() or select.select([ours], [], [], PATIENCE)[0]
            received += ours.recv(100)
        assert b'firstsecond' == received
        assert 0 == ours.pending()

    @pytest.mark.parametrize('call', ['recv', 'sendall'])
    def test_timeout_behind_another_thread(self, tls, call):
        """Who waits for another thread's turn waits no longer than the timeout."""
        ours, theirs = tls
        ours.settimeout(None)
        argument = 100 if call == 'recv' else b'x' * (1 << 24)
        first = Background(raised, getattr(ours, call), argument)
        while not (ours._receiving if call == 'recv' else ours._writing).locked():
            time.sleep(0.01)
        if call == 'sendall':
            while select.select([], [ours], [], 0.2)[1]:
                pass
        else:
            time.sleep(0.2)  # it waits below
        ours.settimeout(0.2)
        assert isinstance(Background(raised, getattr(ours, call), argument).result(),
                          socket.timeout)
        ours.shutdown(socket.SHUT_RDWR)
        first.result()

    def test_shutdown_ends_a_send(self, tls):
        """A send that waits for ever ends with an error once another thread shuts down."""
        ours, theirs = tls
        ours.settimeout(None)
        writer = Background(raised, ours.sendall, b'x' * (1 << 24))
        while select.select([], [ours], [], 0.2)[1]:
            pass
        Background(ours.shutdown, socket.SHUT_RDWR).result()
        assert errno.EPIPE == writer.result().errno


class Pausing(object):
    """A lock that makes a thread wait just after it has first released it."""

    def __init__(self, lock):
        self.lock = lock
        self.is_left, self.go_on = threading.Event(), threading.Event()
        self.thread = None

    def run(self, call, *args):
        """Make a call in the thread that is to wait."""
        self.thread = threading.current_thread()
        return call(*args)

    def __enter__(self):
        return self.lock.__enter__()

    def __exit__(self, *exc_info):
        self.lock.__exit__(*exc_info)
        if threading.current_thread() is self.thread and not self.is_left.is_set():
            self.is_left.set()
            assert self.go_on.wait(PATIENCE)

    def __getattr__(self, name):
        return getattr(self.lock, name)


def fill(sock):
    """Send zeros until *sock* takes no more, not one byte; return how many."""
    timeout, size = sock.gettimeout(), 0
    sock.settimeout(0)
    for piece in (65536, 1) * 10:
        try:
            while True:
                size += sock.send(b'\0' * piece)
        except socket.error as error:
            assert errno.EAGAIN == error.errno
        time.sleep(0.01)  # the system may move some of it to the other end
    sock.settimeout(timeout)
    return size


def write_in_pieces(sock, data):
    """Send *data* in pieces of 100,000 bytes."""
    for start in range(0, len(data), 100000):
        sock.sendall(data[start:start + 100000])


@knows_openssl_3
def test_own_ssl_sees_the_end(tls):
    """The interpreter's own SSLSocket takes our close for a clean end."""
    ours, theirs = tls
    theirs.suppress_ragged_eofs = False
    ours.sendall(b'all')
    ours.close()
    assert (b'all', b'') == (theirs.recv(10), theirs.recv(10))
