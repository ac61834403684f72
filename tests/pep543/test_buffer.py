"""PEP 543's buffers: one contract, held by every backend; nothing here names a TLS library."""
from __future__ import absolute_import, division, print_function

import array
import gc
import weakref

import pytest

from sslproto27.pep543 import (
    OUTGOING_LIMIT, CipherSuite, NextProtocol, RaggedEOF, TLSConfiguration, TLSError, TLSVersion,
    WantReadError, WantWriteError)
from tests.support.buffers import SIDES, BufferPair, advance, carry, outgoing, read_all, talk
from tests.support.memory import SPLITS, raised, strided
from tests.support.pipe_pairs import ALERT, APPLICATION_DATA, needs_refcounts, pattern, record_types


class TestHandshake(object):
    def test_wants_bytes_from_the_peer(self, material):
        """Both sides first want to read: the client with a hello outgoing, the server with none."""
        pair = BufferPair(material.client(), material.server())
        for side in (pair.client, pair.server):
            pytest.raises(WantReadError, side.do_handshake)
        assert [22] == record_types(outgoing(pair.client))
        assert b'' == outgoing(pair.server)

    @pytest.mark.parametrize('split', sorted(SPLITS))
    def test_any_split(self, material, only, split):
        """It succeeds however the wire splits its bytes."""
        pair = BufferPair(material.client(**only), material.server(**only), split=SPLITS[split]())
        pair.handshake()

    def test_done_is_done(self, pair):
        """Calling it again changes nothing."""
        assert [None, None] == [side.do_handshake() for side in (pair.client, pair.server)]

    def test_facts(self, pair, only):
        """Both sides then tell the same version and the same cipher suite."""
        versions = [side.negotiated_tls_version for side in (pair.client, pair.server)]
        assert [only['lowest_supported_version']] * 2 == versions
        assert isinstance(pair.client.cipher(), CipherSuite)
        assert pair.client.cipher() == pair.server.cipher()

    def test_no_facts_before(self, material):
        """Before that nothing is told, in mid-handshake neither."""
        settings = dict(inner_protocols=[NextProtocol.H2])
        pair = BufferPair(material.client(**settings), material.server(**settings))
        advance(pair.server)
        for _ in range(2):
            for side in (pair.client, pair.server):
                assert (None, None, None) == (
                    side.cipher(), side.negotiated_protocol(), side.negotiated_tls_version)
            advance(pair.client)
            carry(pair.client, pair.server)


class TestValidation(object):
    @pytest.mark.parametrize('leaf, name', [
        ('localhost', u'localhost'), ('localhost', u'127.0.0.1'), ('localhost', u'::1'),
        ('localhost', b'localhost'),
        ('wildcard', u'www.example.org'), ('idna', u'b\xfccher.example.org'),
        ('ecdsa', u'localhost'),
    ])
    def test_right_name(self, material, leaf, name):
        """A server that proves its name or address is accepted."""
        assert (None, None) == BufferPair(
            material.client(), material.server(leaf), name).try_handshake()

    @pytest.mark.parametrize('leaf, name', [
        ('other', u'localhost'), ('other', u'127.0.0.1'), ('wildcard', u'example.org'),
        ('wildcard', u'a.b.example.org'), ('common_name', u'localhost'), ('star', u'localhost'),
        ('partial', u'www.example.org'), ('ip_as_dns', u'127.0.0.1'), ('stranger', u'localhost'),
        ('stranger', None), ('expired', u'localhost'), ('expired', None),
    ])
    def test_wrong_server(self, material, only, leaf, name):
        """Any other is refused: the client says why, and the server gets an alert."""
        ours, theirs = BufferPair(
            material.client(**only), material.server(leaf, **only), name).try_handshake()
        assert 'CERTIFICATE_VERIFY_FAILED' == ours.reason
        assert ours.verify_code and ours.verify_message
        assert type(theirs) is TLSError

    def test_refused_for_good(self, material):
        """After that no call of the client lets anything through."""
        pair = BufferPair(material.client(), material.server('other'))
        pair.try_handshake()
        for call in (pair.client.do_handshake, lambda: pair.client.read(1),
                     lambda: pair.client.write(b'data'), pair.client.shutdown):
            assert 'CERTIFICATE_VERIFY_FAILED' == raised(call).reason

    def test_is_the_default(self, material):
        """A client with a configuration of defaults trusts the system's store, not the tests'."""
        default = material.backend.client_context(TLSConfiguration())
        ours, _ = BufferPair(default, material.server()).try_handshake()
        assert 'CERTIFICATE_VERIFY_FAILED' == ours.reason

    def test_system_store(self, material):
        """The system's store does not vouch for the tests' authority either."""
        system = material.backend.trust_store.system()
        client = material.backend.client_context(TLSConfiguration(trust_store=system))
        ours, _ = BufferPair(client, material.server()).try_handshake()
        assert 'CERTIFICATE_VERIFY_FAILED' == ours.reason

    def test_no_name(self, material):
        """Without a name any certificate will do that an authority vouches for."""
        assert (None, None) == BufferPair(
            material.client(), material.server('other'), None).try_handshake()

    @pytest.mark.parametrize('leaf', ['stranger', 'other', 'expired'])
    def test_switched_off(self, material, leaf):
        """validate_certificates=False accepts whatever there is."""
        client = material.client(validate_certificates=False)
        assert (None, None) == BufferPair(client, material.server(leaf)).try_handshake()

    @pytest.mark.parametrize('name', [u'', u'a\0b', 3])
    def test_no_name_at_all(self, material, name):
        """What is no name is refused before there is a connection."""
        pytest.raises(ValueError, material.client().wrap_buffers, name)


class TestClientCertificates(object):
    def test_mutual(self, material, only):
        """A server with a trust store lets in whom it vouches for."""
        pair = BufferPair(material.client('client', **only),
                          material.server(trust='ca', **only)).handshake()
        assert b'data' == talk(pair.client, pair.server, b'data')

    @pytest.mark.parametrize('leaf', [None, 'stranger', 'expired'])
    def test_others(self, material, only, leaf):
        """And nobody else; the client learns of it from an alert."""
        pair = BufferPair(material.client(leaf, **only), material.server(trust='ca', **only))
        ours, theirs = pair.try_handshake()
        assert isinstance(theirs, TLSError)
        assert isinstance(ours or raised(pair.client.read, 1), TLSError)
        assert isinstance(raised(pair.server.read, 1), TLSError)

    def test_nobody_is_asked(self, material, only):
        """A server without a trust store asks for none."""
        pair = BufferPair(material.client('stranger', **only), material.server(**only))
        assert (None, None) == pair.try_handshake()

    def test_not_validated(self, material, only):
        """Nor does one that does not validate."""
        server = material.server(trust='ca', validate_certificates=False, **only)
        assert (None, None) == BufferPair(material.client(**only), server).try_handshake()

    def test_system_store(self, material, only):
        """A server may trust the system's store, which does not know the tests' clients."""
        server = material.backend.server_context(TLSConfiguration(
            certificate_chain=material.chain('localhost'),
            trust_store=material.backend.trust_store.system(), **only))
        _, theirs = BufferPair(material.client('client', **only), server).try_handshake()
        assert isinstance(theirs, TLSError)

    def test_foreign_material(self, material):
        """Certificates of who knows whom are refused when a context is made of them."""
        from sslproto27 import pep543

        class Handle(pep543.TrustStore):
            """Of some hardware, say."""

        configuration = TLSConfiguration(trust_store=Handle())
        pytest.raises(TLSError, material.backend.client_context, configuration)
        pytest.raises(TypeError, material.backend.client_context, configuration)

    @pytest.mark.parametrize('leaf', ['localhost', 'ecdsa'])
    def test_key_of_another(self, material, leaf):
        """A key that does not fit the certificate is refused when a context is made of them."""
        chain = material.chain('other')[0], material.chain(leaf)[1]
        configuration = TLSConfiguration(certificate_chain=chain)
        pytest.raises(TLSError, material.backend.server_context, configuration)

    @pytest.mark.parametrize('callback', [None, lambda buffer, name, configuration: configuration],
                             ids=['none', 'same'])
    def test_server_without_any(self, material, only, callback):
        """A server without a certificate refuses every client, and says why."""
        server = material.backend.server_context(TLSConfiguration(sni_callback=callback, **only))
        ours, theirs = BufferPair(material.client(**only), server).try_handshake()
        assert 'this server has no certificate_chain' == theirs.strerror
        assert isinstance(ours, TLSError) and 'handshake failure' in str(ours)

    @pytest.mark.parametrize('take', ['from_buffer', 'from_file'])
    def test_leaf_with_its_chain(self, material, pki, take):
        """A certificate made of several is the leaf with its chain: all of them are sent."""
        path, key = pki.path('good_chain'), material.chain('good_chain')[1]
        certificate = material.backend.certificate.from_file(path)
        if take == 'from_buffer':
            certificate = material.backend.certificate.from_buffer(
                pki.text('good_chain').encode('ascii'))
        server = material.backend.server_context(
            TLSConfiguration(certificate_chain=((certificate,), key)))
        assert (None, None) == BufferPair(material.client(), server).try_handshake()

    def test_chain_is_sent(self, material):
        """Intermediate certificates are sent: who trusts the root alone accepts the leaf."""
        client = material.client()
        assert (None, None) == BufferPair(client, material.server('good_chain')).try_handshake()
        certificates, key = material.chain('good_chain')
        alone = material.backend.server_context(
            TLSConfiguration(certificate_chain=(certificates[:1], key)))
        ours, _ = BufferPair(client, alone).try_handshake()
        assert 'CERTIFICATE_VERIFY_FAILED' == ours.reason


class TestData(object):
    @SIDES
    @pytest.mark.parametrize('split', sorted(SPLITS))
    def test_arrives(self, pair, ours, split):
        """What is written at one side is read at the other, however the wire splits it."""
        source, target = pair.sides(ours)
        data = pattern(20000)
        assert data == talk(source, target, data, SPLITS[split]())

    @SIDES
    def test_much(self, pair, ours):
        """Megabytes arrive: write() takes what it has room for."""
        source, target = pair.sides(ours)
        data = pattern(3000000)
        assert data == talk(source, target, data)

    def test_is_encrypted(self, pair):
        """What is outgoing is application data, and not in the clear."""
        assert 20 == pair.client.write(b'plaintext, 20 bytes.')
        data = outgoing(pair.client)
        assert [APPLICATION_DATA] == record_types(data)
        assert b'plaintext' not in data

    def test_short_reads(self, pair):
        """read() returns at most what it is asked for, and the rest later."""
        pair.client.write(b'abcdef')
        pair.client.write(b'ghi')
        carry(pair.client, pair.server)
        assert [b'ab', b'', b'cdefg', b'hi'] == [pair.server.read(n) for n in (2, 0, 5, 100)]
        pytest.raises(WantReadError, pair.server.read, 1)

    def test_readinto(self, pair):
        """readinto() fills a buffer, and says how far."""
        pair.client.write(b'abcdef')
        carry(pair.client, pair.server)
        target = bytearray(b'------')
        assert (4, bytearray(b'abcd--')) == (pair.server.readinto(target, 4), target)
        target = array.array('b', b'------')
        assert (2, b'ef----') == (pair.server.readinto(target, 6), bytes(bytearray(target)))
        pytest.raises(WantReadError, pair.server.readinto, target, 6)

    def test_readinto_refuses(self, pair):
        """readinto() needs a buffer that can be written to."""
        pytest.raises(TypeError, pair.server.readinto, b'------', 4)

    def test_readinto_a_small_buffer(self, pair):
        """readinto() fills a buffer that is smaller than the amount, and keeps the rest."""
        pair.client.write(b'abcdef')
        carry(pair.client, pair.server)
        target = bytearray(4)
        assert (4, b'abcd') == (pair.server.readinto(target, 100), bytes(target))
        assert (2, b'efcd') == (pair.server.readinto(target, 100), bytes(target))

    def test_bytes_buffered(self, pair):
        """bytes_buffered tells how much is outgoing, as a number and as a method."""
        pair.client.write(b'abcdef')
        data = pair.client.peek_outgoing(10000)
        assert len(data) > 6
        assert [len(data)] * 2 == [pair.client.bytes_buffered, pair.client.bytes_buffered()]
        pair.client.consume_outgoing(len(data))
        assert [0, 0] == [pair.client.bytes_buffered, pair.client.bytes_buffered()]

    @pytest.mark.parametrize('kind', [bytes, bytearray, memoryview,
                                      lambda data: array.array('b', data)])
    def test_any_buffer(self, pair, kind):
        """write() takes any buffer, and does not keep what can change."""
        data = kind(b'abcdef')
        assert 6 == pair.client.write(data)
        if kind is bytearray:
            data[:] = b'------'
        carry(pair.client, pair.server)
        assert b'abcdef' == pair.server.read(100)

    def test_no_buffer(self, pair):
        """write() refuses text, numbers and buffers with gaps."""
        pytest.raises(TypeError, pair.client.write, u'text')
        pytest.raises(TypeError, pair.client.write, 3)
        pytest.raises(BufferError, pair.client.write, strided())
        assert b'' == outgoing(pair.client)

    def test_nothing(self, pair):
        """Writing nothing puts nothing on the wire."""
        assert (0, b'') == (pair.client.write(b''), outgoing(pair.client))

    @SIDES
    def test_both_ways_at_once(self, pair, ours):
        """What both write at the same time arrives."""
        source, target = pair.sides(ours)
        source.write(b'there')
        target.write(b'and back')
        carry(source, target)
        carry(target, source)
        assert (b'there', b'and back') == (target.read(100), source.read(100))


class TestOutgoing(object):
    def test_peek_keeps(self, pair):
        """peek_outgoing() removes nothing, and returns no more than it is asked for."""
        pair.client.write(b'data')
        everything = pair.client.peek_outgoing(1000)
        assert everything[:5] == pair.client.peek_outgoing(5)
        assert b'' == pair.client.peek_outgoing(0)
        assert everything == outgoing(pair.client)

    def test_consume(self, pair):
        """consume_outgoing() removes what it is told to from the front."""
        pair.client.write(b'data')
        everything = pair.client.peek_outgoing(1000)
        pair.client.consume_outgoing(3)
        assert everything[3:] == pair.client.peek_outgoing(1000)
        pair.client.consume_outgoing(0)
        pair.client.consume_outgoing(len(everything) - 3)
        assert b'' == pair.client.peek_outgoing(1000)

    def test_consume_too_much(self, pair):
        """consume_outgoing() refuses more than there is, and then removes nothing."""
        pair.client.write(b'data')
        everything = pair.client.peek_outgoing(1000)
        pytest.raises(ValueError, pair.client.consume_outgoing, len(everything) + 1)
        assert everything == pair.client.peek_outgoing(1000)

    def test_limit(self, pair):
        """write() takes ever less, and then wants what is outgoing to be sent."""
        data = pattern(OUTGOING_LIMIT)
        taken = [pair.client.write(data)]
        while True:
            try:
                taken.append(pair.client.write(data))
            except WantWriteError:
                break
        assert OUTGOING_LIMIT <= len(pair.client.peek_outgoing(10**9)) < OUTGOING_LIMIT * 1.1
        carry(pair.client, pair.server)
        assert 5 == pair.client.write(b'again')
        carry(pair.client, pair.server)
        expected = b''.join(data[:size] for size in taken) + b'again'
        assert expected == read_all(pair.server)[0]

    def test_reading_is_not_limited(self, pair):
        """A buffer that has much outgoing still reads."""
        while True:
            try:
                pair.client.write(pattern(OUTGOING_LIMIT))
            except WantWriteError:
                break
        pair.server.write(b'data')
        carry(pair.server, pair.client)
        assert b'data' == pair.client.read(100)


class TestEnd(object):
    @SIDES
    def test_shutdown(self, pair, ours):
        """One side ends, the other reads b'' and ends too; then both are done."""
        source, target = pair.sides(ours)
        pytest.raises(WantReadError, source.shutdown)
        assert carry(source, target)
        assert [b'', b''] == [target.read(10), target.read(10)]
        assert target.shutdown() is None
        assert carry(target, source)
        assert source.shutdown() is None
        assert [b'', b''] == [source.read(10), target.read(10)]
        assert (b'', b'') == (outgoing(source), outgoing(target))

    @SIDES
    def test_data_comes_first(self, pair, ours):
        """What was written before the end arrives before it."""
        source, target = pair.sides(ours)
        source.write(b'data')
        pytest.raises(WantReadError, source.shutdown)
        carry(source, target)
        assert (b'data', b'') == read_all(target)

    @SIDES
    def test_half_closed(self, pair, ours):
        """Whose peer has ended its side can go on writing, and the peer reading."""
        source, target = pair.sides(ours)
        pytest.raises(WantReadError, source.shutdown)
        carry(source, target)
        assert b'' == target.read(10)
        assert 4 == target.write(b'more')
        carry(target, source)
        assert b'more' == source.read(10)
        pytest.raises(WantReadError, source.read, 10)
        pytest.raises(WantReadError, source.shutdown)
        target.shutdown()
        carry(target, source)
        assert (b'', None) == (source.read(10), source.shutdown())

    def test_both_at_once(self, pair):
        """Both may end at the same time."""
        for side in (pair.client, pair.server):
            pytest.raises(WantReadError, side.shutdown)
        carry(pair.client, pair.server)
        carry(pair.server, pair.client)
        assert [None, None] == [side.shutdown() for side in (pair.client, pair.server)]

    @SIDES
    def test_eof_after_it(self, pair, ours):
        """The end of the network after the peer's close_notify is a clean end."""
        source, target = pair.sides(ours)
        pytest.raises(WantReadError, source.shutdown)
        carry(source, target)
        target.receive_from_network(b'')
        assert [b'', b''] == [target.read(10), target.read(10)]
        assert target.shutdown() is None

    def test_write_after_it(self, pair):
        """Who has ended its side cannot write any more."""
        pytest.raises(WantReadError, pair.client.shutdown)
        pytest.raises(RuntimeError, pair.client.write, b'data')
        pytest.raises(TLSError, pair.client.write, b'data')
        carry(pair.client, pair.server)
        assert pair.server.shutdown() is None
        pytest.raises(TLSError, pair.server.write, b'data')

    @SIDES
    def test_ragged(self, pair, ours):
        """The end of the network without close_notify is a RaggedEOF, after all data, for good."""
        source, target = pair.sides(ours)
        source.write(b'data')
        carry(source, target)
        target.receive_from_network(b'')
        assert (b'data', RaggedEOF) == read_all(target)
        pytest.raises(RaggedEOF, target.read, 1)
        pytest.raises(RaggedEOF, target.readinto, bytearray(1), 1)

    @SIDES
    def test_ragged_then_shutdown(self, pair, ours):
        """After a RaggedEOF our side can still be written to and ended, which says so again."""
        source, target = pair.sides(ours)
        target.receive_from_network(b'')
        pytest.raises(RaggedEOF, target.read, 1)
        assert 4 == target.write(b'data')
        pytest.raises(RaggedEOF, target.shutdown)
        carry(target, source)
        assert (b'data', b'') == read_all(source)

    @SIDES
    def test_ragged_while_ending(self, pair, ours):
        """Waiting for the peer's close_notify, the end of the network is a RaggedEOF as well."""
        source, target = pair.sides(ours)
        pytest.raises(WantReadError, source.shutdown)
        source.receive_from_network(b'')
        pytest.raises(RaggedEOF, source.shutdown)

    @SIDES
    def test_truncated_record(self, pair, ours):
        """A record that is cut short gives no data, and a RaggedEOF."""
        source, target = pair.sides(ours)
        source.write(b'whole')
        carry(source, target)
        source.write(b'cut short')
        target.receive_from_network(outgoing(source)[:-1])
        target.receive_from_network(b'')
        assert (b'whole', RaggedEOF) == read_all(target)

    def test_truncated_handshake(self, material, only):
        """The end of the network in mid-handshake is a RaggedEOF, wherever it comes."""
        for size in (0, 1, 100):
            pair = BufferPair(material.client(**only), material.server(**only))
            advance(pair.client)
            hello = outgoing(pair.client)
            if size:
                pair.server.receive_from_network(hello[:size])
            for side in (pair.server, pair.client):
                side.receive_from_network(b'')
                pytest.raises(RaggedEOF, side.do_handshake)
                pytest.raises(RaggedEOF, side.read, 1)

    def test_truncated_hello(self, material):
        """So it is while the name of the server is waited for."""
        server = material.server(sni_callback=lambda *_: None).wrap_buffers()
        advance(server)
        server.receive_from_network(b'\x16\x03\x01')
        server.receive_from_network(b'')
        pytest.raises(RaggedEOF, server.do_handshake)

    def test_data_after_eof(self, pair):
        """Nothing can follow the end of the network."""
        pair.client.receive_from_network(b'')
        pytest.raises(ValueError, pair.client.receive_from_network, b'data')


class TestFailure(object):
    @SIDES
    def test_altered_record(self, pair, ours):
        """A flipped bit is an error for good, after what came before it, with an alert."""
        source, target = pair.sides(ours)
        source.write(b'good')
        carry(source, target)
        source.write(b'bad')
        record = bytearray(outgoing(source))
        record[-1] ^= 1
        target.receive_from_network(bytes(record))
        assert (b'good', TLSError) == read_all(target)
        alert = APPLICATION_DATA if target.negotiated_tls_version is TLSVersion.TLSv1_3 else ALERT
        assert [alert] == record_types(outgoing(target))
        source.write(b'later')
        carry(source, target)
        assert (b'', TLSError) == read_all(target)
        for call in (lambda: target.write(b'data'), target.shutdown):
            assert isinstance(raised(call), TLSError)

    @SIDES
    def test_alert_reaches_the_peer(self, pair, ours):
        """The alert is outgoing, and the peer reads of it."""
        source, target = pair.sides(ours)
        source.write(b'bad')
        record = bytearray(outgoing(source))
        record[-1] ^= 1
        target.receive_from_network(bytes(record))
        read_all(target)
        carry(target, source)
        error = raised(source.read, 1)
        assert type(error) is TLSError
        assert 'BAD_RECORD_MAC' in error.reason

    def test_no_tls(self, material):
        """A peer that does not speak TLS fails the handshake."""
        client = material.client().wrap_buffers(u'localhost')
        advance(client)
        client.receive_from_network(b'220 mail.example.org ESMTP\r\n')
        assert type(advance(client)) is TLSError

    def test_plaintext_before_the_handshake(self, material):
        """What arrives before do_handshake() is never given out: it has to be TLS."""
        pair = BufferPair(material.client(), material.server())
        pair.server.receive_from_network(b'injected')
        for call in (lambda: pair.server.read(100), lambda: pair.server.write(b''),
                     pair.server.shutdown):
            assert type(raised(call)) is RuntimeError
        assert type(advance(pair.server)) is TLSError
        assert (b'', TLSError) == read_all(pair.server)

    def test_early_hello(self, material):
        """A ClientHello that arrives before do_handshake() is not lost."""
        pair = BufferPair(material.client(), material.server())
        advance(pair.client)
        pair.server.receive_from_network(outgoing(pair.client))
        pair.handshake()


class TestMisuse(object):
    @SIDES
    def test_before_the_handshake(self, material, ours):
        """Nothing is done before do_handshake(), and nothing goes out in plaintext."""
        buffer, _ = BufferPair(material.client(), material.server()).sides(ours)
        for call in (lambda: buffer.read(1), lambda: buffer.readinto(bytearray(1), 1),
                     lambda: buffer.write(b'data'), buffer.shutdown):
            assert type(raised(call)) is RuntimeError
        assert b'' == outgoing(buffer)

    def test_during_the_handshake(self, material):
        """While it goes on, data has to wait, and there is nothing to end."""
        pair = BufferPair(material.client(), material.server())
        advance(pair.client)
        pytest.raises(WantReadError, pair.client.read, 1)
        pytest.raises(WantReadError, pair.client.write, b'data')
        pytest.raises(RuntimeError, pair.client.shutdown)

    @pytest.mark.parametrize('amt, error', [(-1, ValueError), (None, TypeError), (1.0, TypeError)])
    def test_numbers(self, pair, amt, error):
        """Amounts are numbers that are not negative."""
        for call in (pair.client.read, pair.client.peek_outgoing, pair.client.consume_outgoing):
            pytest.raises(error, call, amt)
        pytest.raises(error, pair.client.readinto, bytearray(1), amt)

    def test_text(self, pair):
        """Text does not come from a network."""
        pytest.raises(TypeError, pair.client.receive_from_network, u'text')

    def test_no_configuration(self, material):
        """A context is made of a TLSConfiguration, and of nothing else."""
        for cls in (material.backend.client_context, material.backend.server_context):
            pytest.raises(TypeError, cls, None)
            pytest.raises(TLSError, cls, None)


@needs_refcounts
class TestLifetime(object):
    @pytest.fixture(autouse=True)
    def no_collector(self):
        """Nothing collects cycles."""
        gc.disable()
        yield
        gc.enable()

    @pytest.mark.parametrize('leaf', ['localhost', 'other'])
    @pytest.mark.parametrize('callback', [None, lambda buffer, name, configuration: configuration,
                                          lambda *_: None], ids=['none', 'same', 'refuses'])
    def test_no_cycles(self, material, leaf, callback):
        """Buffers die with their last reference, whatever has failed."""
        pair = BufferPair(material.client(), material.server(leaf, sni_callback=callback))
        _end_badly(pair)
        buffers = [weakref.ref(pair.client), weakref.ref(pair.server)]
        del pair
        assert [None, None] == [reference() for reference in buffers]


def _end_badly(pair):
    # A function of its own: until it returns, Python 2 keeps what was raised last.
    pair.try_handshake()
    for side in (pair.client, pair.server):
        side.receive_from_network(b'')
        for _ in range(2):
            try:  # pytest.raises() makes cycles of its own
                side.read(1)
            except TLSError:
                pass
