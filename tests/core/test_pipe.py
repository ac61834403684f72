"""`SSLPipe`: bytes in, bytes out."""
from __future__ import absolute_import, division, print_function

import array
import ctypes
import gc
import random
import ssl
import sys
import weakref

import pytest

from sslproto27 import SSLCertVerificationError, SSLPipe
from sslproto27._core.pipe_states import (
    BROKEN, CLOSED, CLOSING, FINISHING, HANDSHAKE, OPEN, PEER_CLOSED, PLAINTEXT)
from sslproto27.context import OP_ALLOW_CLIENT_RENEGOTIATION
from tests.support.engines import ENGINE
from tests.support.memory import PY2, byte_by_byte, raised, strided
from tests.support.pipe_pairs import (
    ALERT, APPLICATION_DATA, GARBAGE, HANDSHAKE as HANDSHAKE_RECORD, PipePair, attempt, carry,
    forged_record, native_call, needs_refcounts, pattern, record_types, talk)

STATES = (PLAINTEXT, HANDSHAKE, OPEN, PEER_CLOSED, CLOSING, FINISHING, CLOSED, BROKEN)
EOF_FACTS = (ssl.SSLEOFError, ssl.SSL_ERROR_EOF)


@pytest.fixture
def server_context(pki, tls_version):
    """A server's context of one TLS version, whose key makes for quick handshakes."""
    return pki.server_context('ecdsa', version=tls_version)


class TestArguments(object):
    def test_text(self, reach):
        """
        Text is refused with TypeError by both feeds, in every state that takes data, and does no
        harm.
        """
        for state in (PLAINTEXT, HANDSHAKE, OPEN):
            pipe, _ = reach(state)
            assert TypeError is type(raised(pipe.feed_appdata, u'text'))
            assert TypeError is type(raised(attempt, pipe.feed_ssldata, u'text'))
            assert (state, 0, b'') == (pipe.state, pipe.backlog_size, pipe.appdata_received())

    @pytest.mark.parametrize('data', [None, 7, 1.5, object()])
    def test_no_buffer(self, pipes, data):
        """What is no buffer is refused with TypeError."""
        assert TypeError is type(raised(pipes.client.feed_appdata, data))

    def test_gaps(self, pipes):
        """A buffer with gaps is refused with BufferError."""
        assert BufferError is type(raised(pipes.client.feed_appdata, strided()))

    @pytest.mark.parametrize('convert', [
        bytearray, memoryview, lambda data: array.array('B', bytearray(data)),
    ], ids=['bytearray', 'memoryview', 'array'])
    def test_buffers(self, pipes, convert):
        """Every contiguous buffer can be sent."""
        pipes.client.feed_appdata(convert(b'abc'))
        pipes.pump()
        assert b'abc' == pipes.server.appdata_received()

    @pytest.mark.parametrize('state', [PLAINTEXT, HANDSHAKE, OPEN])
    def test_mutable_is_copied(self, new_pair, state):
        """A bytearray is sent as it was when it was fed, whatever is done to it since."""
        pair = new_pair()
        if state is not PLAINTEXT:
            pair.start()
        if state is OPEN:
            pair.pump()
        data = bytearray(b'abc')
        pair.client.feed_appdata(data)
        data[:] = b'xyz'
        pair.pump()
        assert b'abc' == pair.server.appdata_received()

    def test_received_bytearray_is_copied(self, new_pair):
        """Plaintext received as a bytearray is handed on as it was when it was fed."""
        pipe = new_pair().client
        data = bytearray(b'abc')
        pipe.feed_ssldata(data)
        data[:] = b'xyz'
        received = pipe.appdata_received()
        assert (bytes, b'abc') == (type(received), received)

    def test_wrong_context(self):
        """A context that is none gets TypeError."""
        assert TypeError is type(raised(SSLPipe, object()))

    def test_wrong_name(self, client_context):
        """An empty server name gets ValueError, as wrap_bio gives."""
        assert ValueError is type(raised(SSLPipe, client_context, server_hostname=''))


class TestPlaintext(object):
    def test_passes_through(self, new_pair, split):
        """Before TLS, bytes pass both ways as they are."""
        pair = new_pair(split=split)
        data = pattern(1000)
        assert data == talk(pair.client, pair.server, data, split)
        assert data == talk(pair.server, pair.client, data, split)
        assert PLAINTEXT is pair.client.state

    def test_order_into_tls(self, new_pair):
        """Plaintext fed before the handshake goes out before the first record, and as plaintext."""
        pipe = new_pair().client
        pipe.feed_appdata(b'STARTTLS\r\n')
        pipe.do_handshake()
        data = pipe.data_to_send()
        assert (b'STARTTLS\r\n', b'\x16\x03') == (data[:10], data[10:12])

    def test_eof(self, new_pair):
        """EOF in plaintext is no error."""
        pipe = new_pair().client
        pipe.feed_eof()
        assert PLAINTEXT is pipe.state


class TestHandshake(object):
    def test_established(self, new_pair, split, tls_version):
        """
        However the bytes arrive, the handshake ends with both sides open and the same settings.
        """
        pair = new_pair(split=split).handshake()
        assert (OPEN, OPEN) == (pair.client.state, pair.server.state)
        assert tls_version == pair.client.ssl_object.version() == pair.server.ssl_object.version()
        assert pair.client.ssl_object.cipher() == pair.server.ssl_object.cipher()

    def test_client_speaks_first(self, new_pair):
        """
        do_handshake makes the client's first records at once; a server has nothing to say yet.
        """
        pair = new_pair().start()
        assert [HANDSHAKE_RECORD] == record_types(pair.client.data_to_send())
        assert b'' == pair.server.data_to_send()

    def test_writes_wait(self, new_pair, ours):
        """What is fed during the handshake arrives after it, in order with what is fed later."""
        pair = new_pair().start()
        us, peer = pair.sides(ours)
        us.feed_appdata(b'one ')
        carry(pair.client, pair.server)
        us.feed_appdata(b'two ')
        assert 8 == us.backlog_size
        pair.pump()
        us.feed_appdata(b'three')
        pair.pump()
        assert (0, b'one two three') == (us.backlog_size, peer.appdata_received())

    def test_data_with_last_flight(self, new_pair, split):
        """Data that arrives together with the end of the handshake is decrypted at once."""
        pair = new_pair(split=split).start()
        pair.client.feed_appdata(b'early')
        carry(pair.client, pair.server, split)
        carry(pair.server, pair.client, split)
        data = pair.client.data_to_send()
        if pair.client.state is not OPEN:  # TLS 1.2: the server's Finished comes last
            pair.server.feed_ssldata(data)
            pair.server.feed_appdata(b'early')
            data = pair.server.data_to_send()
            pair.client.feed_ssldata(data)
            assert (OPEN, b'early') == (pair.client.state, pair.client.appdata_received())
        else:
            for piece in split(data):
                pair.server.feed_ssldata(piece)
            assert (OPEN, b'early') == (pair.server.state, pair.server.appdata_received())

    def test_untrusted(self, pki, tls_version, server_context):
        """
        A certificate of an unknown authority fails the client as SSLCertVerificationError, and the
        server by an alert.
        """
        pair = PipePair(
            pki.client_context(version=tls_version, trust='stranger-ca'), server_context).start()
        carry(pair.client, pair.server)
        assert SSLCertVerificationError is type(raised(carry, pair.server, pair.client))
        error = raised(carry, pair.client, pair.server)
        assert (ssl.SSLError, 'TLSV1_ALERT_UNKNOWN_CA') == (type(error), error.reason)
        assert (BROKEN, BROKEN) == (pair.client.state, pair.server.state)

    def test_wrong_name(self, client_context, server_context):
        """A certificate for another name fails the handshake, not something after it."""
        pair = PipePair(client_context, server_context, server_hostname='other.example.org').start()
        carry(pair.client, pair.server)
        error = raised(carry, pair.server, pair.client)
        assert (SSLCertVerificationError, 62) == (type(error), error.verify_code)
        assert 'other.example.org' in str(error)

    def test_garbage(self, new_pair, ours, split):
        """What is not TLS fails the handshake with SSLError, and never comes out as data."""
        pipe, _ = new_pair().start().sides(ours)
        with pytest.raises(ssl.SSLError):
            for piece in split(GARBAGE):
                attempt(pipe.feed_ssldata, piece)
        assert (BROKEN, b'') == (pipe.state, pipe.appdata_received())

    def test_alert(self, new_pair, ours, split):
        """
        A handshake message that may not come fails the handshake, and data_to_send has the alert
        that says so.
        """
        pipe, _ = new_pair().start().sides(ours)
        pipe.data_to_send()
        with pytest.raises(ssl.SSLError):
            for piece in split(b'\x16\x03\x03\x00\x04\xff\x00\x00\x00'):
                attempt(pipe.feed_ssldata, piece)
        assert [ALERT] == record_types(pipe.data_to_send())

    def test_backlog_of_failed_handshake(self, new_pair):
        """What could not be sent because the handshake failed no longer counts as waiting."""
        pipe = new_pair().start().client
        pipe.feed_appdata(b'x')
        raised(attempt, pipe.feed_ssldata, GARBAGE)
        assert 0 == pipe.backlog_size
        assert APPLICATION_DATA not in record_types(pipe.data_to_send())

    def test_settings_that_admit_none(self, pki):
        """Settings that leave nothing to offer fail do_handshake itself, and break the pipe."""
        context = pki.client_context(version='TLSv1.2')
        context.set_ciphers('PSK-AES128-CBC-SHA256')  # and there is no callback for a key
        pipe = SSLPipe(context, server_hostname='localhost')
        error = raised(attempt, pipe.do_handshake)
        assert (ssl.SSLError, 'NO_CIPHERS_AVAILABLE') == (type(error), error.reason)
        assert BROKEN is pipe.state

    def test_resumption(self, new_pair, tls_version):
        """A client that is given the session of an earlier connection resumes it."""
        first = new_pair().handshake()
        assert (False, False) == (
            first.client.ssl_object.session_reused, first.server.ssl_object.session_reused)
        first.shut_down()
        second = new_pair(session=first.client.ssl_object.session).handshake()
        assert (True, True) == (
            second.client.ssl_object.session_reused, second.server.ssl_object.session_reused)
        assert b'abc' == talk(second.client, second.server, b'abc')


class TestData(object):
    @pytest.mark.parametrize('size', [1, 16384, 16385, 100000])
    def test_both_ways(self, new_pair, split, size):
        """Bytes arrive as they were fed, however they are split, in records of any size."""
        if split is byte_by_byte:
            size = min(size, 2000)
        pair = new_pair(split=split).handshake()
        data = pattern(size)
        assert data == talk(pair.client, pair.server, data, split)
        assert data == talk(pair.server, pair.client, data, split)

    def test_full_duplex(self, pipes):
        """Both sides can send before either has received."""
        pipes.client.feed_appdata(b'to the server')
        pipes.server.feed_appdata(b'to the client')
        pipes.pump()
        assert b'to the client' == pipes.client.appdata_received()
        assert b'to the server' == pipes.server.appdata_received()

    def test_small_writes_share_a_record(self, pipes):
        """A hundred small writes before one data_to_send leave in one record."""
        for _ in range(100):
            pipes.client.feed_appdata(b'0123456789')
        data = pipes.client.data_to_send()
        assert [APPLICATION_DATA] == record_types(data)
        pipes.server.feed_ssldata(data)
        assert b'0123456789' * 100 == pipes.server.appdata_received()

    def test_large_write_fills_records(self, pipes):
        """A large write leaves in as few records as hold it."""
        pipes.client.feed_appdata(b'x' * 16384 * 5)
        assert [APPLICATION_DATA] * 5 == record_types(pipes.client.data_to_send())

    def test_empty_write(self, pipes):
        """b'' makes no record."""
        pipes.client.feed_appdata(b'')
        assert b'' == pipes.client.data_to_send()

    def test_backlog_size(self, pipes):
        """backlog_size counts what has been fed and not encrypted, in bytes."""
        pipes.client.feed_appdata(b'abc')
        pipes.client.feed_appdata(b'de')
        assert 5 == pipes.client.backlog_size
        pipes.client.data_to_send()
        assert 0 == pipes.client.backlog_size

    @pytest.mark.parametrize('amount', [1, 20000, 100000])
    def test_backlog_size_of_pieces(self, pipes, amount):
        """It is right however writes are joined, cut, and sent in part."""
        client = pipes.client
        for size in (10, 30000, 70000, 5, 6, 200000, 16384, 1) * 2:
            client.feed_appdata(b'x' * size)
            client.data_to_send(amount)
            assert sum(map(len, client.backlog)) == client.backlog_size
        client.data_to_send()
        assert 0 == client.backlog_size

    def test_encrypted_only_when_asked(self, pipes):
        """feed_appdata encrypts nothing: what waits does so as plaintext."""
        pipes.client.feed_appdata(b'abc')
        assert 0 == pipes.client._outgoing.pending

    def test_received_is_joined(self, pipes):
        """What one event decrypted, of any number of records, comes in one piece, once."""
        pipes.client.feed_appdata(pattern(50000))
        pipes.pump()
        assert pattern(50000) == pipes.server.appdata_received()
        assert b'' == pipes.server.appdata_received()

    @pytest.mark.parametrize('seed', range(8))
    def test_random_schedule(self, new_pair, seed):
        """
        Under any schedule of writes, partial deliveries and closing, each side gets what the other
        wrote, in order.
        """
        random_ = random.Random(seed)
        pair = new_pair().start()
        ends = {'client': (pair.client, pair.server), 'server': (pair.server, pair.client)}
        wire = {name: b'' for name in ends}
        written = {name: b'' for name in ends}
        received = {name: b'' for name in ends}

        def step(name, action):
            us, peer = ends[name]
            if action == 'write' and us.state in (HANDSHAKE, OPEN, PEER_CLOSED):
                data = pattern(random_.choice((1, 50, 5000, 40000)))
                us.feed_appdata(data)
                written[name] += data
            elif action == 'close' and us.state in (OPEN, PEER_CLOSED) and random_.random() < 0.1:
                us.shutdown()
            elif action == 'send':
                wire[name] += us.data_to_send()
            elif action == 'deliver':
                size = random_.choice((1, 5, 500, 100000))
                data, wire[name] = wire[name][:size], wire[name][size:]
                peer.feed_ssldata(data)
                received[name] += peer.appdata_received()

        for _ in range(300):
            step(random_.choice(('client', 'server')),
                 random_.choice(('write', 'close', 'send', 'deliver')))
        for name, (us, peer) in ends.items():
            peer.feed_ssldata(wire[name])
            received[name] += peer.appdata_received()
        pair.pump()
        for pipe in (pair.client, pair.server):
            if pipe.state in (OPEN, PEER_CLOSED):
                pipe.shutdown()
        pair.pump()
        for name, (us, peer) in ends.items():
            received[name] += peer.appdata_received()
        assert written == received
        assert (CLOSED, CLOSED) == (pair.client.state, pair.server.state)


class TestFailure(object):
    def test_alert_after_failure(self, pipes, ours):
        """
        After a record that cannot be decrypted, data_to_send has the alert, and the peer learns
        why.
        """
        us, peer = pipes.sides(ours)
        error = raised(attempt, us.feed_ssldata, forged_record())
        assert (ssl.SSLError, 'DECRYPTION_FAILED_OR_BAD_RECORD_MAC') == (type(error), error.reason)
        alert = raised(carry, us, peer)
        assert (ssl.SSLError, 'SSLV3_ALERT_BAD_RECORD_MAC') == (type(alert), alert.reason)
        assert (BROKEN, BROKEN) == (us.state, peer.state)

    def test_interrupted_failure(self, client_context):
        """A signal handler may raise at any moment: a BROKEN pipe has a failure."""
        broken = 0
        for last in range(1, 1000):
            pipe = SSLPipe(client_context, server_hostname='localhost')
            pipe.do_handshake()
            steps = []

            def tracer(frame, event, argument):
                if 'sslproto27' in frame.f_code.co_filename:
                    steps.append(event)
                    if len(steps) == last:
                        raise KeyboardInterrupt
                return tracer
            before = sys.gettrace()
            sys.settrace(tracer)
            try:
                pipe.feed_ssldata(GARBAGE)
            except KeyboardInterrupt:
                pass
            finally:
                sys.settrace(before)
            broken += pipe.state is BROKEN
            assert pipe.state is not BROKEN or pipe.failure is not None
            if len(steps) < last:
                break
        assert pipe.state is BROKEN and broken > 1

    def test_data_before_failure(self, pipes, ours):
        """What was decrypted before the record that failed, in the same feed, is not lost."""
        us, peer = pipes.sides(ours)
        peer.feed_appdata(pattern(40000))
        raised(attempt, us.feed_ssldata, peer.data_to_send() + forged_record())
        assert (BROKEN, pattern(40000)) == (us.state, us.appdata_received())

    def test_broken_for_good(self, pipes, ours):
        """Records that come after a failure are ignored, even good ones."""
        us, peer = pipes.sides(ours)
        peer.feed_appdata(b'late')
        late = peer.data_to_send()
        raised(attempt, us.feed_ssldata, forged_record())
        us.data_to_send()
        us.feed_ssldata(late)
        us.feed_ssldata(GARBAGE)
        us.feed_eof()
        assert (BROKEN, b'', b'') == (us.state, us.appdata_received(), us.data_to_send())
        assert 0 == us._incoming.pending  # nor are they kept

    def test_failure_while_closing(self, pipes, ours):
        """A record that cannot be decrypted fails a pipe that is closing, too."""
        us, _ = pipes.sides(ours)
        us.shutdown()
        us.data_to_send()
        assert isinstance(raised(attempt, us.feed_ssldata, forged_record()), ssl.SSLError)
        assert BROKEN is us.state

    def test_shutdown_fails(self, pipes):
        """When OpenSSL refuses to shut down, data_to_send raises its error and breaks the pipe."""
        pipes.client.shutdown()
        pipes.server.feed_appdata(b'x')
        # No caller can do this: data that OpenSSL meets where it looks for close_notify.
        pipes.client._incoming.write(pipes.server.data_to_send())
        error = raised(attempt, pipes.client.data_to_send)
        assert ssl.SSLError is type(error)
        if PY2 or sys.version_info >= (3, 10):  # older tables of reasons do not know OpenSSL 3
            assert 'APPLICATION_DATA_AFTER_CLOSE_NOTIFY' == error.reason
        assert BROKEN is pipes.client.state

    def test_backlog_is_dropped(self, pipes):
        """What had not been encrypted when TLS failed is dropped, and counts no more."""
        pipes.client.feed_appdata(b'x')
        raised(attempt, pipes.client.feed_ssldata, forged_record())
        assert 0 == pipes.client.backlog_size


class TestPostHandshake(object):
    """What peers may do in the middle of a connection, and Python's ssl has no call for."""

    @pytest.fixture
    def renegotiable(self, pki):
        """Connected pipes of TLS 1.2 whose server lets clients start a new handshake."""
        server_context = pki.server_context('ecdsa', version='TLSv1.2')
        server_context.options |= OP_ALLOW_CLIENT_RENEGOTIATION
        return PipePair(pki.client_context(version='TLSv1.2'), server_context).handshake()

    @pytest.fixture
    def renegotiating(self, renegotiable):
        """The same; the client has just begun a new handshake, and sent nothing yet."""
        pair = renegotiable
        assert 1 == native_call(pair.client.ssl_object, 'SSL_renegotiate')
        raised(pair.client.ssl_object.do_handshake)
        return pair

    def test_renegotiation_with_a_write_pending(self, renegotiating):
        """A write that the peer's new handshake holds up goes out after it, whole and in order."""
        pair = renegotiating
        carry(pair.client, pair.server)
        pair.server.feed_appdata(pattern(50000))
        held = pair.server.data_to_send()
        assert APPLICATION_DATA not in record_types(held)
        assert 50000 == pair.server.backlog_size
        pair.server.feed_appdata(b'and more')
        pair.client.feed_ssldata(held)
        pair.pump()
        assert (0, pattern(50000) + b'and more') == (
            pair.server.backlog_size, pair.client.appdata_received())
        assert b'x' == talk(pair.client, pair.server, b'x')

    def test_renegotiation_is_refused(self, pki):
        """Unless the context allows it a server refuses a new handshake, and goes on."""
        if ENGINE == 'pair' and ssl.OPENSSL_VERSION_INFO < (3,):
            pytest.skip('the pair engine ends the connection: see core/pair/test_sslobject.py')
        pair = PipePair(pki.client_context(version='TLSv1.2'),
                        pki.server_context('ecdsa', version='TLSv1.2')).handshake()
        assert 1 == native_call(pair.client.ssl_object, 'SSL_renegotiate')
        raised(pair.client.ssl_object.do_handshake)
        carry(pair.client, pair.server)
        answer = pair.server.data_to_send()
        assert [ALERT] == record_types(answer)
        error = raised(attempt, pair.client.feed_ssldata, answer)
        assert 'NO_RENEGOTIATION' == error.reason
        assert (OPEN, b'') == (pair.server.state, pair.server.appdata_received())

    def test_renegotiation_while_closing(self, renegotiating):
        """A new handshake of the peer's that crosses our shutdown loses nothing of the backlog."""
        pair = renegotiating
        carry(pair.client, pair.server)
        pair.server.feed_appdata(pattern(50000))
        pair.server.shutdown()
        pair.pump()
        assert (PEER_CLOSED, pattern(50000)) == (pair.client.state, pair.client.appdata_received())

    def test_shutdown_in_renegotiation(self, renegotiating):
        """shutdown in the middle of a new handshake waits for its end, and raises nothing."""
        pair = renegotiating
        carry(pair.client, pair.server)
        pair.server.shutdown()
        pair.pump()
        pair.client.shutdown()
        pair.pump()
        assert (CLOSED, CLOSED) == (pair.client.state, pair.server.state)

    @pytest.mark.parametrize('seed', range(5))
    def test_renegotiation_under_load(self, renegotiable, seed):
        """Whenever the peer starts new handshakes, data of both directions stays whole."""
        random_, pair = random.Random(seed), renegotiable
        sent = {pair.client: b'', pair.server: b''}
        got = {pair.client: b'', pair.server: b''}
        for _ in range(60):
            pipe = random_.choice((pair.client, pair.server))
            client = pair.client.ssl_object
            if (random_.random() < 0.1 and native_call(client, 'SSL_is_init_finished')
                    and not native_call(client, 'SSL_renegotiate_pending')):
                native_call(client, 'SSL_renegotiate')
            if random_.random() < 0.6:
                data = pattern(random_.choice((10, 30000)))
                pipe.feed_appdata(data)
                sent[pipe] += data
            carry(pair.client, pair.server)
            carry(pair.server, pair.client)
            got[pair.client] += pair.server.appdata_received()
            got[pair.server] += pair.client.appdata_received()
        pair.pump()
        got[pair.client] += pair.server.appdata_received()
        got[pair.server] += pair.client.appdata_received()
        assert sent == got

    def test_key_update(self, pki, ours):
        """A peer's request for new keys (RFC 8446 4.6.3) is answered, and data stays whole."""
        pair = PipePair(pki.client_context(version='TLSv1.3'),
                        pki.server_context('ecdsa', version='TLSv1.3')).handshake()
        us, peer = pair.sides(ours)
        for _ in range(3):
            assert 1 == native_call(peer.ssl_object, 'SSL_key_update', ctypes.c_int(1))
            assert b'to us' == talk(peer, us, b'to us')
            assert b'to them' == talk(us, peer, b'to them')


class TestMemory(object):
    @needs_refcounts
    @pytest.mark.parametrize('state', STATES)
    def test_dies_at_once(self, reach, state):
        """
        Pipe, context and TLS object are in no cycle: they die with the last reference, in any
        state.
        """
        gc.disable()
        try:
            pipe, peer = reach(state)
            references = [weakref.ref(pipe), weakref.ref(peer)]
            if pipe.ssl_object is not None:
                references.append(weakref.ref(pipe.ssl_object))
            del pipe, peer
            assert [None] * len(references) == [reference() for reference in references]
        finally:
            gc.enable()

    @needs_refcounts
    def test_context_dies(self, pki):
        """A context dies with the last pipe that uses it."""
        gc.disable()
        try:
            client, server = pki.client_context(), pki.server_context('ecdsa')
            references = [weakref.ref(client), weakref.ref(server)]
            pair = PipePair(client, server).handshake().shut_down()
            del client, server
            assert None not in [reference() for reference in references]
            del pair
            assert [None, None] == [reference() for reference in references]
        finally:
            gc.enable()


class TestNested(object):
    def test_tls_in_tls(self, new_pair, split):
        """
        A pipe's bytes can travel through another pipe: handshake, data both ways, and closing of
        each layer.
        """
        outer, inner = new_pair(split=split).handshake(), new_pair()
        inner.start()

        def carry_inside(source, target):
            data = inner.sides(source)[0].data_to_send()
            inner.sides(target)[0].feed_ssldata(
                talk(outer.sides(source)[0], outer.sides(target)[0], data, split))
            return len(data)

        def pump_inside():
            while carry_inside('client', 'server') + carry_inside('server', 'client'):
                pass

        pump_inside()
        assert (OPEN, OPEN) == (inner.client.state, inner.server.state)
        inner.client.feed_appdata(pattern(3000))
        inner.server.feed_appdata(b'answer')
        pump_inside()
        assert pattern(3000) == inner.server.appdata_received()
        assert b'answer' == inner.client.appdata_received()
        inner.client.shutdown()
        inner.server.shutdown()
        pump_inside()
        assert (CLOSED, OPEN) == (inner.client.state, outer.client.state)
        outer.shut_down()
        assert CLOSED is outer.client.state


class TestHasDataToSend(object):
    """What tells, for less than it costs to ask, whether there is something to send."""

    def test_in_a_conversation(self, new_pair):
        """It is true whenever data_to_send returns something: data, answers, close_notify."""
        pair, seen = new_pair(), []

        def carry_and_count(one, other):
            had = one.has_data_to_send
            wire = one.data_to_send()
            seen.append(bool(wire))
            assert had >= bool(wire)
            assert not one.has_data_to_send or one.state in ('CLOSING', 'FINISHING')
            other.feed_ssldata(wire)
        for pipe in (pair.client, pair.server):
            pipe.do_handshake()
        for _ in range(4):
            carry_and_count(pair.client, pair.server)
            carry_and_count(pair.server, pair.client)
        assert not pair.client.has_data_to_send
        pair.client.feed_appdata(b'x' * 100000)
        assert pair.client.has_data_to_send
        carry_and_count(pair.client, pair.server)
        pair.server.shutdown()
        assert pair.server.has_data_to_send
        carry_and_count(pair.server, pair.client)
        assert True in seen and False in seen
