"""
SSLObject: every member but sessions, channel binding and errors, which have files of their own.
"""
from __future__ import absolute_import, division, print_function

import array
import ctypes
import ssl

import pytest

from sslproto27._core.pair.limits import Limit
from tests.support.memory import (
    Endpoint, Pair, connect, error_facts, raised, since_python3, strided)

WANT_READ = (ssl.SSLWantReadError, ssl.SSL_ERROR_WANT_READ, None, None)


def delivered(pair, data):
    """
    Write *data* at the client and carry the records to the server, which has yet to read them.
    """
    pair.client.write(data)
    pair.pump()
    return pair.server


class TestRead(object):
    def test_default_size(self, pair):
        """Without arguments 1024 bytes are read at most."""
        server = delivered(pair, b'x' * 3000)
        assert [1024, 1024, 952] == [len(server.read()) for _ in range(3)]

    @pytest.mark.parametrize('size, expected',
                             [(0, b''), (1, b'a'), (3, b'abc'), (4, b'abc'), (1 << 16, b'abc')])
    def test_size(self, pair, size, expected):
        """As much as there is, *size* at most; 0 gives b''."""
        assert expected == delivered(pair, b'abc').read(size)

    def test_size_by_name(self, pair):
        """The size goes by the name len, the buffer by buffer."""
        server, room = delivered(pair, b'abc'), bytearray(2)
        assert [b'a', 2] == [server.read(len=1), server.read(len=2, buffer=room)]
        assert b'bc' == room

    def test_returns_bytes(self, pair):
        """The result is plain bytes."""
        server = delivered(pair, bytearray(b'abc'))
        assert [bytes, bytes] == [type(server.read(0)), type(server.read())]

    def test_one_record_at_a_time(self, pair):
        """A read never joins two records."""
        pair.client.write(b'one')
        server = delivered(pair, b'two')
        assert [b'one', b'two'] == [server.read(), server.read()]

    @pytest.mark.parametrize('size', [1023, 1024, 1025, 2048, 16383, 16384])
    def test_whole_record(self, pair, size):
        """A record comes whole, also the first large one after small ones, and nothing after it."""
        small, large = b'small', bytes(bytearray(range(256))) * 64
        for expected in (small, large[:size], small, large[:size]):
            server = delivered(pair, expected)
            assert expected == server.read(1 << 16)
            assert WANT_READ == error_facts(raised(server.read))

    def test_no_more_than_asked_for(self, pair):
        """The first large record is cut where it was asked to be; the rest is there later."""
        data = bytes(bytearray(range(256))) * 16
        server = delivered(pair, data)
        parts = [server.read(size) for size in (1030, 1024, 16384)]
        assert [data[:1030], data[1030:2054], data[2054:]] == parts

    def test_nothing_there(self, pair):
        """Where nothing has come it is SSLWantReadError."""
        assert WANT_READ == error_facts(raised(pair.server.read))

    def test_zero_where_nothing_is_there(self, pair):
        """A read of 0 bytes gives b'' with nothing there as well."""
        assert b'' == pair.server.read(0)

    def test_part_of_a_record(self, pair):
        """A record that is not complete gives nothing yet, then all of it."""
        pair.client.write(b'abc')
        record = pair.client_end.outgoing.read()
        for i in range(len(record)):
            assert ssl.SSLWantReadError is type(raised(pair.server.read))
            pair.server_end.incoming.write(record[i:i + 1])
        assert b'abc' == pair.server.read()

    def test_runs_the_handshake(self, client_context, server_context):
        """A read before the handshake runs it, as far as it goes."""
        pair = Pair(client_context, server_context)
        assert WANT_READ == error_facts(raised(pair.client.read))
        assert pair.client_end.outgoing.pending > 0

    @pytest.mark.parametrize('size', [-1, -100])
    def test_negative_size(self, pair, size):
        """Without a buffer a negative size is refused with ValueError."""
        with pytest.raises(ValueError):
            delivered(pair, b'abc').read(size)
        assert b'abc' == pair.server.read()

    @pytest.mark.parametrize('size', [None, 'x', b'1', 1.5, [1]], ids=repr)
    def test_size_is_an_integer(self, pair, size):
        """A size that is no integer is refused with TypeError, and nothing is lost."""
        with pytest.raises(TypeError):
            delivered(pair, b'abc').read(size)
        assert b'abc' == pair.server.read()

    def test_huge_size(self, pair):
        """A size beyond any C integer is refused with OverflowError."""
        with pytest.raises(OverflowError):
            delivered(pair, b'abc').read(1 << 100)


class TestReadIntoBuffer(object):
    @pytest.mark.parametrize('size, room, expected', [
        (2, 5, b'ab'), (5, 5, b'abcd'), (4, 4, b'abcd'), (3, 2, b'ab'),
        (0, 3, b'abc'), (-1, 3, b'abc'), (-9, 8, b'abcd'), (1 << 20, 3, b'abc'),
    ])
    def test_size(self, pair, size, room, expected):
        """
        The count is returned; a size of zero, below, or beyond the buffer means all of the
        buffer.
        """
        server, buffer = delivered(pair, b'abcd'), bytearray(b'.' * room)
        count = server.read(size, buffer)
        assert (len(expected), expected + b'.' * (room - len(expected))) == (count, bytes(buffer))
        assert b'abcd'[count:] == pair.server_end.read_available()

    @pytest.mark.parametrize('make', [
        bytearray, lambda size: memoryview(bytearray(size)),
        lambda size: array.array('b', [0] * size), lambda size: (ctypes.c_char * size)(),
    ], ids=['bytearray', 'memoryview', 'array', 'ctypes'])
    def test_kinds_of_buffer(self, pair, make):
        """Any writable buffer is filled."""
        room = make(5)
        assert 3 == delivered(pair, b'abc').read(10, room)
        assert bytearray(b'abc\0\0') == bytearray(room)

    @pytest.mark.parametrize('make', [
        lambda: (ctypes.c_int32 * 2)(), lambda: array.array('i', [0, 0]),
    ], ids=['ctypes', 'array'])
    def test_wide_items(self, pair, make):
        """A buffer of items wider than a byte is filled byte by byte, and counted so."""
        room = make()
        assert 3 == delivered(pair, b'abc').read(10, room)
        assert b'abc\0\0\0\0\0' == bytes((ctypes.c_char * 8).from_buffer(room).raw)

    def test_slice_of_a_memoryview(self, pair):
        """A part of a buffer is filled through a memoryview, and only that part."""
        room = bytearray(b'......')
        assert 3 == delivered(pair, b'abc').read(3, memoryview(room)[2:5])
        assert b'..abc.' == room

    @pytest.mark.parametrize('wrong', [b'bytes', memoryview(b'bytes'), u'text', 5, object()],
                             ids=repr)
    def test_buffer_must_be_writable(self, pair, wrong):
        """What cannot be written into is refused with TypeError, and nothing is lost."""
        with pytest.raises(TypeError):
            delivered(pair, b'abc').read(3, wrong)
        assert b'abc' == pair.server.read()

    def test_none_is_no_buffer(self, pair):
        """A buffer of None is as if there were none."""
        assert b'abc' == delivered(pair, b'abc').read(10, None)

    def test_empty_buffer(self, pair):
        """Into an empty buffer go 0 bytes, whether there are any or not."""
        assert [0, 0] == [pair.server.read(10, bytearray()),
                          delivered(pair, b'a').read(10, bytearray())]

    def test_nothing_there(self, pair):
        """Where nothing has come it is SSLWantReadError, and the buffer stays."""
        room = bytearray(b'...')
        assert WANT_READ == error_facts(raised(pair.server.read, 3, room))
        assert b'...' == room

    def test_buffer_is_not_held(self, pair):
        """The buffer can be resized afterwards: no export of it is kept."""
        room = bytearray(3)
        delivered(pair, b'abc').read(3, room)
        room.extend(b'def')
        assert b'abcdef' == room

    def test_after_close(self, pair):
        """At the peer's close_notify the count is 0."""
        raised(pair.client.unwrap)
        pair.pump()
        assert 0 == pair.server.read(10, bytearray(10))


class TestWrite(object):
    @pytest.mark.parametrize('data', [
        b'abcd', bytearray(b'abcd'), memoryview(b'abcd'), array.array('b', [97, 98, 99, 100]),
        memoryview(b'_abcd_')[1:5],
    ], ids=lambda data: type(data).__name__)
    def test_takes_any_buffer(self, pair, data):
        """Any contiguous buffer is encrypted whole, and its length in bytes returned."""
        assert 4 == pair.client.write(data)
        pair.pump()
        assert b'abcd' == pair.server.read()

    @pytest.mark.parametrize('data', [u'abc', None, 1, [97], object()], ids=repr)
    def test_refuses_what_is_no_buffer(self, pair, data):
        """Text and whatever has no buffer is refused with TypeError, and nothing is sent."""
        with pytest.raises(TypeError):
            pair.client.write(data)
        assert 0 == pair.client_end.outgoing.pending

    def test_refuses_strided_view(self, pair):
        """A view that is not contiguous is refused with BufferError."""
        with pytest.raises(BufferError):
            pair.client.write(strided())

    def test_needs_its_argument(self, pair):
        """It takes one argument, no less."""
        with pytest.raises(TypeError):
            pair.client.write()

    @since_python3(10, 'the write of nothing that is no error')
    def test_nothing(self, pair):
        """Writing nothing returns 0 and sends nothing."""
        assert (0, 0) == (pair.client.write(b''), pair.client_end.outgoing.pending)

    @pytest.mark.parametrize('data', [b'abc', b''], ids=repr)
    def test_runs_the_handshake(self, client_context, server_context, data):
        """
        A write before the handshake runs it, as far as it goes: SSLWantReadError, nothing
        written.
        """
        pair = Pair(client_context, server_context)
        assert WANT_READ == error_facts(raised(pair.client.write, data))
        assert b'\x16\x03' == pair.client_end.outgoing.read(2)

    def test_completes_the_handshake(self, client_context, server_context):
        """Reads and writes alone suffice to shake hands; the data arrives once."""
        pair = Pair(client_context, server_context)
        written, received = None, b''
        while not received:
            try:
                written = pair.client.write(b'early bird') if written is None else written
            except ssl.SSLWantReadError:
                pass
            pair.pump()
            received = pair.server_end.read_available()
            pair.pump()
        assert (10, b'early bird') == (written, received)

    @pytest.mark.parametrize('size', [16384, 16385, 100000])
    def test_more_than_a_record(self, pair, size):
        """More than a record holds is written whole, in as many records as it takes."""
        data = b'0123456789' * (size // 10) + b'x' * (size % 10)
        assert size == pair.client.write(data)
        pair.pump()
        assert data == pair.server_end.read_available()

    def test_plaintext_is_not_on_the_wire(self, pair):
        """What goes out is encrypted."""
        pair.client.write(b'attack at dawn')
        record = pair.client_end.outgoing.read()
        assert (b'\x17\x03\x03', False) == (record[:3], b'attack at dawn' in record)

    def test_both_directions_at_once(self, pair):
        """The directions do not wait for each other."""
        pair.client.write(b'question')
        pair.server.write(b'answer')
        pair.pump()
        assert (b'question', b'answer') == (pair.server.read(), pair.client.read())


class TestHandshake(object):
    def test_returns_none(self, client_context, server_context):
        """A finished handshake returns None, and may be asked for again."""
        pair = connect(client_context, server_context)
        assert [None] * 3 == [pair.client.do_handshake(), pair.server.do_handshake(),
                              pair.client.do_handshake()]
        assert 0 == pair.pump()

    def test_wants_to_read(self, client_context, server_context):
        """While it waits for the peer it is SSLWantReadError, on both sides."""
        pair = Pair(client_context, server_context)
        assert [WANT_READ] * 3 == [error_facts(raised(end.do_handshake))
                                   for end in (pair.client, pair.client, pair.server)]

    def test_client_hello_is_sent_once(self, client_context, server_context):
        """Asking again before the peer has answered sends nothing twice."""
        pair = Pair(client_context, server_context)
        raised(pair.client.do_handshake)
        pair.client_end.outgoing.read()
        raised(pair.client.do_handshake)
        assert 0 == pair.client_end.outgoing.pending

    def test_takes_no_arguments(self, pair):
        """do_handshake takes no argument."""
        with pytest.raises(TypeError):
            pair.client.do_handshake(True)

    def test_message_of_want_read(self, client_context):
        """The want-read error says what it means, in Python 3's words."""
        error = raised(Endpoint.wrap(client_context).sslobj.do_handshake)
        assert error.args[1].startswith('The operation did not complete (read)')


class TestUnwrap(object):
    def test_waits_for_the_answer(self, pair):
        """
        The first unwrap sends close_notify and wants the peer's; when it is there, it returns
        None.
        """
        assert WANT_READ == error_facts(raised(pair.client.unwrap))
        pair.pump()
        assert None is pair.server.unwrap()
        pair.pump()
        assert None is pair.client.unwrap()

    def test_is_idempotent(self, pair):
        """After a clean end, unwrap goes on returning None and sends nothing."""
        pair.shut_down()
        assert [None] * 4 == [pair.client.unwrap(), pair.server.unwrap(),
                              pair.client.unwrap(), pair.server.unwrap()]
        assert 0 == pair.pump()

    def test_close_notify_is_sent_once(self, pair):
        """Asking again while waiting sends no second close_notify."""
        raised(pair.client.unwrap)
        pair.client_end.outgoing.read()
        raised(pair.client.unwrap)
        assert 0 == pair.client_end.outgoing.pending

    def test_peer_reads_the_end(self, pair):
        """The peer reads b'' at the close_notify, again and again, until it closes as well."""
        raised(pair.client.unwrap)
        pair.pump()
        assert [b'', b'', b'', 0] == [pair.server.read(), pair.server.read(5), pair.server.read(),
                                      pair.server.read(3, bytearray(3))]

    def test_data_before_it_is_read_first(self, pair):
        """What was written before close_notify is read before the end."""
        pair.client.write(b'last words')
        raised(pair.client.unwrap)
        pair.pump()
        assert [b'last words', b''] == [pair.server.read(), pair.server.read()]

    def test_other_direction_stays_open(self, pair):
        """The peer of a closed direction may go on writing, and be read."""
        raised(pair.client.unwrap)
        pair.pump()
        assert (b'', 3) == (pair.server.read(), pair.server.write(b'abc'))
        pair.pump()
        assert b'abc' == pair.client.read()

    def test_trailing_plaintext_stays_in_the_bio(self, pair):
        """Bytes after the peer's close_notify are not TLS, and are left in the incoming BIO."""
        raised(pair.client.unwrap)
        pair.pump()
        pair.server.unwrap()
        pair.pump()
        pair.client_end.incoming.write(b'plain again')
        assert (None, b'plain again') == (pair.client.unwrap(), pair.client_end.incoming.read())

    def test_takes_no_arguments(self, pair):
        """unwrap takes no argument."""
        with pytest.raises(TypeError):
            pair.client.unwrap(True)


class TestBeforeTheHandshake(object):
    @pytest.fixture(params=['client', 'server'])
    def early(self, request, client_context, server_context):
        """Either end before its handshake."""
        return getattr(Pair(client_context, server_context), request.param)

    @pytest.mark.parametrize('method',
                             ['cipher', 'version', 'selected_alpn_protocol', 'compression',
                                        'get_channel_binding'])
    def test_none(self, early, method):
        """What the handshake decides is None before it."""
        assert None is getattr(early, method)()

    @since_python3(10, 'None for no shared ciphers')
    def test_shared_ciphers(self, early):
        """Shared ciphers are None before the handshake."""
        assert None is early.shared_ciphers()

    def test_pending(self, early):
        """No byte of plaintext is pending."""
        assert 0 == early.pending()

    @pytest.mark.parametrize('args', [(), (False,), (True,)], ids=repr)
    def test_getpeercert(self, early, args):
        """The peer's certificate is not there yet: ValueError, in either form."""
        with pytest.raises(ValueError):
            early.getpeercert(*args)

    @since_python3(13, 'certificate chains')
    def test_chains(self, early):
        """Both chains are empty lists."""
        assert ([], []) == (early.get_verified_chain(), early.get_unverified_chain())

    def test_session_reused(self, early):
        """No session is reused yet."""
        assert False is early.session_reused

    def test_still_none_in_mid_handshake(self, client_context, server_context):
        """After the ClientHello nothing is decided yet."""
        client = Pair(client_context, server_context).client
        raised(client.do_handshake)
        assert [None] * 3 == [client.version(), client.cipher(), client.selected_alpn_protocol()]


class TestNegotiated(object):
    def test_version(self, pair, tls_version):
        """Both ends name the version."""
        assert [tls_version] * 2 == [pair.client.version(), pair.server.version()]

    def test_cipher(self, pair, tls_version):
        """Both ends name the same cipher: its name, its protocol, its strength in bits."""
        name, protocol, bits = pair.client.cipher()
        assert (name, protocol, bits) == pair.server.cipher()
        assert tls_version == protocol
        assert (True, True) == ('GCM' in name or 'CHACHA20' in name, bits in (128, 256))

    def test_chosen_cipher(self, pki):
        """The one cipher that both ends allow is the one that they use."""
        client, server = pki.client_context('TLSv1.2'), pki.server_context('ecdsa', 'TLSv1.2')
        client.set_ciphers('ECDHE-ECDSA-AES128-GCM-SHA256')
        pair = connect(client, server)
        expected = ('ECDHE-ECDSA-AES128-GCM-SHA256', 'TLSv1.2', 128)
        assert (expected, expected) == (pair.client.cipher(), pair.server.cipher())

    def test_compression(self, pair):
        """TLS compression is never in use."""
        assert (None, None) == (pair.client.compression(), pair.server.compression())

    @since_python3(10, 'None for no shared ciphers')
    def test_shared_ciphers_of_a_client(self, pair):
        """A client has no shared ciphers: None."""
        assert None is pair.client.shared_ciphers()

    @since_python3(10, 'the ciphers that are really shared')
    def test_shared_ciphers_of_a_server(self, pair, tls_version):
        """A server lists what both ends allow, the one in use among them, as cipher() does."""
        shared = pair.server.shared_ciphers()
        assert (list, True) == (type(shared), pair.server.cipher() in shared)
        assert {(tuple, 3)} == {(type(entry), len(entry)) for entry in shared}
        assert tls_version in {protocol for _, protocol, _ in shared}
        assert {True} == {bits >= 112 for _, _, bits in shared}

    @since_python3(10, 'the ciphers that are really shared')
    def test_shared_ciphers_are_an_intersection(self, pki):
        """What one end alone allows is not listed."""
        client, server = pki.client_context('TLSv1.2'), pki.server_context('ecdsa', 'TLSv1.2')
        client.set_ciphers('ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384')
        server.set_ciphers('ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305')
        shared = connect(client, server).server.shared_ciphers()
        assert ['ECDHE-ECDSA-AES256-GCM-SHA384'] == [
            name for name, protocol, _ in shared if name.startswith('ECDHE')]


class TestALPN(object):
    @pytest.mark.parametrize('offers, accepts, expected', [
        (['h2', 'http/1.1'], ['h2', 'http/1.1'], 'h2'),
        (['http/1.1', 'h2'], ['h2', 'http/1.1'], 'h2'),
        (['http/1.1'], ['h2', 'http/1.1'], 'http/1.1'),
        (['spdy'], ['h2'], None),
    ])
    def test_selection(self, client_context, server_context, offers, accepts, expected):
        """
        The server's first choice that the client offers is selected; None where there is no
        such one.
        """
        client_context.set_alpn_protocols(offers)
        server_context.set_alpn_protocols(accepts)
        pair = connect(client_context, server_context)
        assert (expected, expected) == (pair.client.selected_alpn_protocol(),
                                        pair.server.selected_alpn_protocol())

    def test_one_side_alone(self, client_context, server_context):
        """Where only one end speaks of protocols, none is selected."""
        client_context.set_alpn_protocols(['h2'])
        pair = connect(client_context, server_context)
        assert (None, None) == (pair.client.selected_alpn_protocol(),
                                pair.server.selected_alpn_protocol())


class TestPending(object):
    def test_counts_the_rest_of_a_record(self, pair):
        """After a part of a record is read, the rest of it is pending."""
        server = delivered(pair, b'abcdef')
        assert (0, b'ab', 4, b'cdef', 0) == (
            server.pending(), server.read(2), server.pending(), server.read(), server.pending())

    def test_does_not_count_the_next_record(self, pair):
        """Records that still wait in the BIO are not pending."""
        delivered(pair, b'abc')
        server = delivered(pair, b'defgh')
        assert (b'a', 2) == (server.read(1), server.pending())


def half_done(pair):
    """Let the server have a ClientHello, and no more."""
    pair.client_end.handshake_is_done()
    pair.pump()
    pair.server_end.handshake_is_done()


def closed(pair):
    """Let both sides end TLS."""
    pair.handshake().exchange()
    for call in (pair.client.unwrap, pair.server.unwrap, pair.client.unwrap):
        try:
            call()
        except ssl.SSLWantReadError:
            pass
        pair.pump()


def broken(pair):
    """Let both sides have what is no record of theirs."""
    pair.handshake().exchange()
    for end in (pair.client_end, pair.server_end):
        end.incoming.write(b'\x17\x03\x03\x00\x20' + b'x' * 32)
        assert isinstance(raised(end.sslobj.read), ssl.SSLError)


#: What can be asked without changing anything.
FACTS = ['cipher', 'compression', 'context', 'getpeercert', 'pending', 'selected_alpn_protocol',
         'server_hostname', 'server_side', 'session', 'session_reused', 'shared_ciphers', 'version']


class TestFacts(object):
    def ask(self, sslobj, name):
        """Return what *name* is: a class, None or False, or the class of what it raises."""
        try:
            value = getattr(sslobj, name)
            value = value() if callable(value) else value
        except Limit:  # no answer to whatever the test asks
            raise
        except Exception as error:
            return type(error)
        return value if value is None or value is False else type(value)

    @since_python3(10, 'None for no shared ciphers')
    def test_half_done(self, client_context, server_context, tls_version):
        """While the handshake is under way nothing is said that is not settled: as 3.13."""
        pair = Pair(client_context, server_context)
        half_done(pair)
        assert ([None, None, ssl.SSLContext, ValueError, int, None, str, False, ValueError, False,
                 None, None]) == [
            self.ask(pair.client, name) for name in FACTS]
        assert {'version': None, 'getpeercert': ValueError, 'session': {
            'TLSv1.2': ValueError, 'TLSv1.3': self.ask(pair.server, 'session')}[tls_version]} == {
                name: self.ask(pair.server, name) for name in ('version', 'getpeercert', 'session')}

    @since_python3(10, 'None for no shared ciphers')
    @pytest.mark.parametrize('end, certificates, version', [
        (closed, [dict, None], str), (broken, [ValueError] * 2, None)])
    def test_afterwards(self, client_context, server_context, end, certificates, version):
        """
        Afterwards everything is still known, on either side, but for the version and the
        certificate once TLS has failed: as 3.13.
        """
        pair = Pair(client_context, server_context)
        end(pair)
        cls = type(pair.client.session)
        assert [tuple, None, ssl.SSLContext, certificates[0], int, None, str, False, cls, False,
                None, version] == [self.ask(pair.client, name) for name in FACTS]
        assert [tuple, None, ssl.SSLContext, certificates[1], int, None, None, bool, cls, False,
                list, version] == [self.ask(pair.server, name) for name in FACTS]
