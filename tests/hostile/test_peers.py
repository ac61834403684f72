"""
Peers that mean harm, against the pipe: broken bytes, cut bytes, floods.

What holds for each: it ends in an error or is ignored, what was decrypted is right as far as it
goes, and neither time nor memory grow with what the peer sends.
"""
from __future__ import absolute_import, division, print_function

import ctypes
import random
import ssl
import struct
import sys

import pytest

from sslproto27 import SSLPipe
from sslproto27._core.pipe import OVERHEAD_LIMIT
from sslproto27._core.pipe_states import BROKEN, HANDSHAKE, OPEN, PEER_CLOSED
from sslproto27.context import OP_ALLOW_CLIENT_RENEGOTIATION
from tests.support.forger import (
    ALERT, APPLICATION_DATA, HANDSHAKE as HANDSHAKE_RECORD, Forger, record)
from tests.support.memory import knows_openssl_3, raised
from tests.support.pipe_pairs import PYPY, PipePair, attempt, carry, native_call, pattern, talk

pytestmark = knows_openssl_3

CHANGE_CIPHER_SPEC = 20


@pytest.fixture
def server_context(pki, tls_version):
    """A server's context of one TLS version, whose key makes for quick handshakes."""
    return pki.server_context('ecdsa', version=tls_version)


@pytest.fixture
def server(server_context):
    """A server's pipe that waits for a ClientHello."""
    pipe = SSLPipe(server_context, server_side=True)
    pipe.do_handshake()
    return pipe


@pytest.fixture
def client(client_context):
    """A client's pipe that has sent its ClientHello."""
    pipe = SSLPipe(client_context, server_hostname='localhost')
    pipe.do_handshake()
    assert pipe.data_to_send()
    return pipe


def refuses(pipe, data):
    """Hold that *data* breaks *pipe* for good, and quietly; return the error."""
    error = raised(attempt, pipe.feed_ssldata, data)
    assert isinstance(error, ssl.SSLError)
    assert (BROKEN, b'', 0) == (pipe.state, pipe.appdata_received(), pipe.backlog_size)
    assert len(pipe.data_to_send()) < 100  # an alert, or nothing
    pipe.feed_ssldata(data)
    pipe.feed_eof()
    assert (BROKEN, b'', b'') == (pipe.state, pipe.appdata_received(), pipe.data_to_send())
    return error


class TestTruncation(object):
    """Whatever the length of what came before the EOF, it is told from a clean end."""

    def test_client_hello(self, client_context, server_context):
        """A ClientHello cut anywhere, the end included, is no connection."""
        hello = SSLPipe(client_context, server_hostname='localhost')
        hello.do_handshake()
        hello = hello.data_to_send()
        for size in range(len(hello) + 1):
            server = SSLPipe(server_context, server_side=True)
            server.do_handshake()
            server.feed_ssldata(hello[:size])
            assert (HANDSHAKE, size == len(hello)) == (server.state, server.data_to_send() != b'')
            assert ssl.SSLEOFError is type(raised(attempt, server.feed_eof))
            assert BROKEN == server.state

    def test_server_flight(self, client_context, server_context):
        """A server's answer cut anywhere is no connection, and nothing is sent in it."""
        size = 0
        while True:
            pair = PipePair(client_context, server_context).start()
            pair.client.feed_appdata(b'secret')
            carry(pair.client, pair.server)
            flight = pair.server.data_to_send()
            if size >= len(flight) - 8:  # its length varies by some bytes: an ECDSA signature's
                return
            pair.client.feed_ssldata(flight[:size])
            assert (HANDSHAKE, b'') == (pair.client.state, pair.client.data_to_send())
            assert ssl.SSLEOFError is type(raised(attempt, pair.client.feed_eof))
            assert (BROKEN, 0) == (pair.client.state, pair.client.backlog_size)
            size += 1

    def test_data(self, client_context, server_context):
        """Data cut anywhere comes in whole records or not at all, and the cut is an error."""
        pair = PipePair(client_context, server_context).handshake()
        for part in (b'first', b'second'):
            pair.server.feed_appdata(part)
            pair.client.data_to_send()
            last = pair.server.data_to_send()
            if part == b'first':
                first = last
        seen = []
        for at in range(len(last)):
            pair.client.feed_ssldata((first if at == 0 else b'') + last[at:at + 1])
            seen.append(pair.client.appdata_received())
        assert [b'first'] + [b''] * (len(last) - 2) + [b'second'] == seen

    def test_cut_record(self, client_context, server_context):
        """An EOF in the middle of a record is an error."""
        pair = PipePair(client_context, server_context).handshake()
        pair.server.feed_appdata(b'data')
        pair.client.feed_ssldata(pair.server.data_to_send()[:-1])
        assert ssl.SSLEOFError is type(raised(attempt, pair.client.feed_eof))
        assert (PEER_CLOSED, b'') == (pair.client.state, pair.client.appdata_received())


GARBAGE = [
    (b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', 'HTTP_REQUEST', 'HTTP_REQUEST'),
    (b'CONNECT localhost:443 HTTP/1.1\r\n\r\n', 'HTTPS_PROXY_REQUEST',
     'HTTPS_PROXY_REQUEST'),
    (b'HTTP/1.1 400 Bad Request\r\n\r\n', 'WRONG_VERSION_NUMBER', 'WRONG_VERSION_NUMBER'),
    (b'SSH-2.0-OpenSSH_9.0\r\n', None, 'WRONG_VERSION_NUMBER'),
    (b'220 mail.example.org ESMTP\r\n', None, 'WRONG_VERSION_NUMBER'),
    (b'\0' * 100, None, None),
    (b'\xff' * 100, None, None),
    # SSL 2's CLIENT-HELLO: length, type 1, version 2, lengths of specs, session and challenge.
    (b'\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10' + b'\x07\x00\xc0' * 7 + b'c' * 16, None, None),
    # the same for SSL 3 and TLS 1.0
    (b'\x80\x2e\x01\x03\x00\x00\x15\x00\x00\x00\x10' + b'\x00\x00\x2f' * 7 + b'c' * 16, None, None),
    (b'\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10' + b'\x00\x00\x2f' * 7 + b'c' * 16, None, None),
    # SSL 3's ClientHello
    (record(22, b'\x01\x00\x00\x29\x03\x00' + b'r' * 32 + b'\0\0\x02\x00\x2f\x01\x00', 0x300),
     None, None),
    # records: longer than any may be, of an unknown type, of a type that comes later
    (record(22, b'', 0x301)[:3] + b'\xff\xff' + b'x' * 100, None, None),
    (record(22, b'', 0x301)[:3] + struct.pack('>H', 16384 + 2049) + b'x' * 20000, None, None),
    (record(99, b'x' * 10), None, None),
    (record(23, b'x' * 10), None, None),
    (record(20, b'\x01') + record(20, b'\x01'), None, None),
    (record(21, b'\x02\x28'), 'UNEXPECTED_MESSAGE', 'SSLV3_ALERT_HANDSHAKE_FAILURE'),
    (record(21, b'\x01'), None, None),
    # handshake messages: too long, out of order, empty
    (record(22, b'\x01\xff\xff\xff' + b'x' * 100, 0x301), None, None),
    (record(22, b'\x02\xff\xff\xff' + b'x' * 100), None, None),
    (record(22, b'\x14\x00\x00\x0c' + b'x' * 12), None, None),
    (record(22, b'\x0b\x00\x00\x03\x00\x00\x00'), None, None),
    (record(22, b'\x01\x00\x00\x00', 0x301), None, None),
    (record(22, b'\x02\x00\x00\x00'), None, None),
    (record(22, b'\x63\x00\x00\x01x'), None, None),
]


class TestGarbage(object):
    @pytest.mark.parametrize('number', range(len(GARBAGE)))
    def test_server(self, server, number):
        """What is no ClientHello breaks a server's pipe."""
        data, reason, _ = GARBAGE[number]
        assert reason in (None, refuses(server, data).reason)

    @pytest.mark.parametrize('number', range(len(GARBAGE)))
    def test_client(self, client, number):
        """What is no ServerHello breaks a client's pipe."""
        data, _, reason = GARBAGE[number]
        assert reason in (None, refuses(client, data).reason)

    @pytest.mark.parametrize('ours', ['client', 'server'])
    def test_random(self, client_context, server_context, ours):
        """Random bytes break a pipe, or leave it waiting for the rest of a record."""
        random_ = random.Random(27)
        for _ in range(200):
            pipe = PipePair(client_context, server_context).sides(ours)[0]
            pipe.do_handshake()
            data = bytes(bytearray(random_.randrange(256) for _ in range(random_.randint(1, 600))))
            if random_.random() < 0.5:  # get past the header of the record
                data = record(22, data, 0x301)
            try:
                attempt(pipe.feed_ssldata, data)
            except ssl.SSLError:
                assert BROKEN == pipe.state
            else:
                assert HANDSHAKE == pipe.state
                assert ssl.SSLEOFError is type(raised(attempt, pipe.feed_eof))
            assert b'' == pipe.appdata_received()

    def test_plaintext_in_a_connection(self, client_context, server_context):
        """Plaintext in the middle of a connection breaks it, and is never taken for data."""
        for data in (b'plaintext', record(23, b'plaintext'), record(22, b'plaintext')):
            for ours in ('client', 'server'):
                us, _ = PipePair(client_context, server_context).handshake().sides(ours)
                refuses(us, data + b'x' * 40)

    def test_replayed(self, client_context, server_context):
        """A record that comes twice breaks the connection, and its data comes once."""
        pair = PipePair(client_context, server_context).handshake()
        pair.server.feed_appdata(b'data')
        data = pair.server.data_to_send()
        pair.client.feed_ssldata(data)
        assert b'data' == pair.client.appdata_received()
        refuses(pair.client, data)

    def test_exchanged(self, client_context, server_context):
        """Records that change places break the connection; nothing of them is delivered."""
        pair = PipePair(client_context, server_context).handshake()
        records = []
        for data in (b'first', b'second'):
            pair.server.feed_appdata(data)
            records.append(pair.server.data_to_send())
        refuses(pair.client, records[1] + records[0])

    def test_reflected(self, client_context, server_context):
        """What a side sent itself breaks the connection when it comes back."""
        pair = PipePair(client_context, server_context).handshake()
        pair.client.feed_appdata(b'data')
        refuses(pair.client, pair.client.data_to_send())


class Wire(object):
    """A wire that flips one bit, once: that of byte *position* of all that is carried."""

    def __init__(self, position, mask):
        self.position = position
        self.mask = mask
        self.carried = 0

    def __call__(self, data):
        at = self.position - self.carried
        self.carried += len(data)
        if 0 <= at < len(data):
            data = bytearray(data)
            data[at] ^= self.mask
            data = bytes(data)
        return [data] if data else []


def conversation(client_context, server_context, wire):
    """
    Shake hands, talk both ways and close, over *wire*, then cut it.

    Returns:
        (set, dict): the sides, 'client' and 'server', that raised; what each received.
    """
    pair = PipePair(client_context, server_context)
    sides = {'client': (pair.client, pair.server), 'server': (pair.server, pair.client)}
    failed, received = set(), {'client': b'', 'server': b''}

    def on(side, call, *args):
        try:
            return attempt(call, *args)
        except (ssl.SSLError, RuntimeError):
            failed.add(side)
            return b''

    for side in ('server', 'client'):
        on(side, sides[side][0].do_handshake)
        on(side, sides[side][0].feed_appdata, side.encode('ascii') * 20)
    for step in range(12):
        for side, other in (('client', 'server'), ('server', 'client')):
            pipe, peer = sides[side]
            for piece in wire(on(side, pipe.data_to_send)):
                on(other, peer.feed_ssldata, piece)
            received[other] += peer.appdata_received()
            if step == 5 and pipe.state in (OPEN, PEER_CLOSED):
                on(side, pipe.shutdown)
    for side in sides:
        on(side, sides[side][0].feed_eof)
    return failed, received


class TestFlippedBits(object):
    WHOLE = {'client': b'server' * 20, 'server': b'client' * 20}

    def test_none(self, client_context, server_context):
        """Over a good wire all arrives, and nobody complains."""
        assert (set(), self.WHOLE) == conversation(client_context, server_context, Wire(-1, 0))

    def test_anywhere(self, client_context, server_context):
        """
        One flipped bit, wherever it is, is an error for who lacks data; no other data is delivered.
        """
        wire = Wire(-1, 0)
        conversation(client_context, server_context, wire)
        random_, harmless = random.Random(5246), 0
        for position in range(random_.randrange(3), wire.carried, 9 if PYPY else 3):
            mask = 1 << random_.randrange(8)
            failed, received = conversation(client_context, server_context, Wire(position, mask))
            for side, whole in self.WHOLE.items():
                assert received[side] in (b'', whole), (position, mask)
                assert received[side] == whole or side in failed, (position, mask)
            harmless += not failed
        # Versions in record headers, say, which RFC 8446 5.1 tells to ignore.
        assert harmless < wire.carried // 100

    @pytest.mark.parametrize('ours', ['client', 'server'])
    def test_every_bit_of_a_record(self, client_context, server_context, ours):
        """Each bit of a record of data is protected, but for its version (RFC 8446 5.2)."""
        size = None
        at = 0
        while size is None or at < size:
            us, peer = PipePair(client_context, server_context).handshake().sides(ours)
            peer.feed_appdata(b'data')
            data = bytearray(peer.data_to_send())
            size = len(data)
            data[at] ^= 1 << at % 8
            try:
                attempt(us.feed_ssldata, bytes(data))
                attempt(us.feed_eof)
            except ssl.SSLError:
                assert b'' == us.appdata_received()
            else:
                pytest.fail('byte %d can be changed' % at)
            at += 1


class TestFloods(object):
    """Messages that are right by themselves, without end."""

    def until_broken(self, pipe, data, most):
        """Feed *data* until the pipe is BROKEN; return how often. It must be by *most* times."""
        for count in range(1, most + 1):
            try:
                attempt(pipe.feed_ssldata, data)
            except ssl.SSLError as error:
                assert BROKEN == pipe.state
                return count, error
        raise AssertionError('still in state %s' % pipe.state)

    @pytest.mark.parametrize('version', ['TLSv1.2'])
    def test_hello_requests(self, pki, version):
        """
        A TLS 1.2 server that only ever asks for a ClientHello, which clients have to ignore in a
        handshake (RFC 5246 7.4.1.1), is given up: it is not for OpenSSL to say when.
        """
        client = SSLPipe(pki.client_context(version), server_hostname='localhost')
        client.do_handshake()
        flood = record(22, b'\0\0\0\0' * 1000)
        count, error = self.until_broken(client, flood, OVERHEAD_LIMIT // len(flood) + 1)
        assert ssl.SSLError is type(error)
        assert 'without application data' in str(error)
        assert OVERHEAD_LIMIT < count * len(flood) <= OVERHEAD_LIMIT + len(flood)

    def test_limit_of_a_pipe(self, pki):
        """The limit is the pipe's own."""
        client = SSLPipe(pki.client_context('TLSv1.2'), server_hostname='localhost',
                         overhead_limit=1000)
        client.do_handshake()
        assert 10 == self.until_broken(client, record(22, b'\0\0\0\0' * 24), 10)[0]

    def test_large_handshake(self, pki, server_context):
        """A handshake of less than the limit is no flood."""
        pair = PipePair(pki.client_context(leaf='client'), pki.server_context(trust='ca'))
        assert OPEN == pair.handshake().client.state

    def test_data_is_no_flood(self, client_context, server_context):
        """A peer that sends data may send any amount, in any pieces."""
        pair = PipePair(client_context, server_context).handshake()
        for _ in range(3 * OVERHEAD_LIMIT // 20000 + 1):
            assert b'x' * 20000 == talk(pair.client, pair.server, b'x' * 20000)
            assert b'x' == talk(pair.client, pair.server, b'x')
        assert OPEN == pair.server.state

    @pytest.mark.parametrize('content_type', [20, 21, 22, 23])
    def test_empty_records(self, client, server, content_type):
        """Empty records before the handshake are cut short by OpenSSL itself."""
        for pipe in (client, server):
            self.until_broken(pipe, record(content_type, b'', 0x301), 50)

    def test_warnings(self, client, server):
        """So are warnings without end."""
        for pipe in (client, server):
            self.until_broken(pipe, record(21, b'\x01\x64'), 50)

    def test_change_cipher_specs(self, client, server):
        """So are ChangeCipherSpecs, which TLS 1.3 ignores one by one (RFC 8446 5)."""
        for pipe in (client, server):
            self.until_broken(pipe, record(20, b'\x01'), 50)

    def renegotiate(self, pair):
        """Let the client begin a new handshake, and take it as far as it goes."""
        client = pair.client.ssl_object
        native_call(client, 'SSL_renegotiate')
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
        pair.pump()

    def test_renegotiations(self, pki):
        """Where a server allows them, new handshakes without any data are cut short."""
        server_context = pki.server_context('ecdsa', version='TLSv1.2')
        server_context.options |= OP_ALLOW_CLIENT_RENEGOTIATION
        pair = PipePair(pki.client_context('TLSv1.2'), server_context, cls=SSLPipe)
        pair.server = SSLPipe(server_context, server_side=True, overhead_limit=20000)
        pair.handshake()
        with pytest.raises(ssl.SSLError) as info:
            for _ in range(100):
                self.renegotiate(pair)
        assert ('without application data' in str(info.value), BROKEN) == (True, pair.server.state)

    def test_key_updates(self, pki):
        """Requests for new keys without end (RFC 8446 4.6.3) are cut short."""
        pair = PipePair(pki.client_context('TLSv1.3'),
                        pki.server_context('ecdsa', version='TLSv1.3'))
        pair.server = SSLPipe(pair.server._arguments[0], server_side=True, overhead_limit=20000)
        pair.handshake()
        sent = 0
        with pytest.raises(ssl.SSLError) as info:
            for _ in range(5000):
                native_call(pair.client.ssl_object, 'SSL_key_update', ctypes.c_int(1))
                pair.client.ssl_object.do_handshake()
                data = attempt(pair.client.data_to_send)
                sent += len(data)
                attempt(pair.server.feed_ssldata, data)
                attempt(pair.server.data_to_send)
        assert 'without application data' in str(info.value)
        assert sent <= 20000 + 100

    def test_unread_answers(self, pki):
        """
        A peer that sends data between its requests, and reads none of the answers, cannot fill the
        memory with them.
        """
        pair = PipePair(pki.client_context('TLSv1.3'),
                        pki.server_context('ecdsa', version='TLSv1.3'))
        pair.server = SSLPipe(pair.server._arguments[0], server_side=True, overhead_limit=20000)
        pair.handshake()
        largest = 0
        with pytest.raises(ssl.SSLError) as info:
            for _ in range(5000):
                native_call(pair.client.ssl_object, 'SSL_key_update', ctypes.c_int(1))
                assert b'x' == talk(pair.client, pair.server, b'x')
                largest = max(largest, pair.server._outgoing.pending)
        assert 'does not read' in str(info.value)
        assert 20000 < largest < 2 * 20000


class TestForgedRecords(object):
    """Records with the right keys and the wrong contents: what only a malicious client sends."""

    @pytest.fixture
    def forger(self, pki, tmpdir):
        """A `Forger`, and the server that listens to it."""
        return Forger(pki, tmpdir)

    def test_good(self, forger):
        """What is forged well is taken: padding, too (RFC 8446 5.4)."""
        forger.server.feed_ssldata(forger.record(APPLICATION_DATA, b'data', padding=100))
        assert b'data' == forger.server.appdata_received()

    def test_empty_records(self, forger):
        """Records of no data are taken in small numbers, and cut short by OpenSSL."""
        forger.server.feed_ssldata(forger.record(APPLICATION_DATA, b''))
        assert (OPEN, b'') == (forger.server.state, forger.server.appdata_received())
        with pytest.raises(ssl.SSLError):
            for _ in range(100):
                attempt(forger.server.feed_ssldata, forger.record(APPLICATION_DATA, b''))
        assert BROKEN == forger.server.state

    def test_padding_alone(self, forger):
        """So are records of padding alone."""
        with pytest.raises(ssl.SSLError):
            for _ in range(100):
                attempt(forger.server.feed_ssldata,
                        forger.record(APPLICATION_DATA, b'', padding=10000))
        assert BROKEN == forger.server.state

    def test_too_large(self, forger):
        """More than 2**14 bytes of data in a record are refused."""
        assert 'TOO_L' in refuses(
            forger.server, forger.record(APPLICATION_DATA, b'x' * 16385)).reason

    def test_no_content(self, forger):
        """A record of zeros, which has no type, is refused."""
        refuses(forger.server, forger.record(0, b'\0' * 50))

    @pytest.mark.parametrize('content_type, payload', [
        (HANDSHAKE_RECORD, b''), (ALERT, b''), (ALERT, b'\x02'), (CHANGE_CIPHER_SPEC, b'\x01'),
        (99, b'x'), (HANDSHAKE_RECORD, b'\x18\x00\x00\x01\x02'), (HANDSHAKE_RECORD, b'\x18\0\0\0'),
        (HANDSHAKE_RECORD, b'\x18\x00\x00\x02\0\0'), (HANDSHAKE_RECORD, b'\x00\x00\x00\x00'),
        (HANDSHAKE_RECORD, b'\x01\x00\x00\x05hello'), (HANDSHAKE_RECORD, b'\x04\x00\x00\x01x'),
        (HANDSHAKE_RECORD, b'\x14' + b'\0\0\x30' + b'x' * 48),
    ])
    def test_wrong_messages(self, forger, content_type, payload):
        """Messages that have no place there, or the wrong length, are refused."""
        refuses(forger.server, forger.record(content_type, payload))

    def test_half_a_message(self, forger):
        """Data between the halves of a handshake message is refused (RFC 8446 5.1)."""
        forger.server.feed_ssldata(forger.record(HANDSHAKE_RECORD, b'\x18\x00'))
        refuses(forger.server, forger.record(APPLICATION_DATA, b'data'))

    def test_endless_message(self, forger):
        """A message of 16 MiB that is never finished is refused as soon as its length is known."""
        refuses(forger.server, forger.record(HANDSHAKE_RECORD, b'\x18\xff\xff\xff' + b'x' * 100))

    def test_after_close_notify(self, forger):
        """What follows close_notify is never data."""
        forger.server.feed_ssldata(forger.record(ALERT, b'\x01\x00')
                                   + forger.record(APPLICATION_DATA, b'data'))
        assert (PEER_CLOSED, b'') == (forger.server.state, forger.server.appdata_received())

    def test_flood_after_close_notify(self, forger):
        """Nor is it kept without limit."""
        forger.server.feed_ssldata(forger.record(ALERT, b'\x01\x00'))
        with pytest.raises(ssl.SSLError):
            for _ in range(100):
                attempt(forger.server.feed_ssldata, b'x' * 10000)
        assert BROKEN == forger.server.state


def test_memory(client_context, server_context):
    """A record that never ends takes no more memory than a record."""
    pair = PipePair(client_context, server_context).handshake()
    pair.server.feed_appdata(pattern(16384))
    data = pair.server.data_to_send()
    for at in range(0, len(data) - 1, 100):
        piece = data[at:at + 100][:len(data) - 1 - at]
        before = sys.getrefcount(piece) if not PYPY else None
        pair.client.feed_ssldata(piece)
        # OpenSSL has it, in its buffer for a record, and nobody else.
        assert (0, before) == (pair.client._incoming.pending,
                               sys.getrefcount(piece) if not PYPY else None)
    assert (OPEN, b'') == (pair.client.state, pair.client.appdata_received())
