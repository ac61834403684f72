"""Contexts: whose they are, how many connections they make, and the server's choice by name."""
from __future__ import absolute_import, division, print_function

import pytest

from sslproto27.pep543 import TLSConfiguration, TLSError, TLSVersion, WantReadError
from tests.support.buffers import BufferPair, advance, carry, ecdhe, outgoing, talk
from tests.support.memory import byte_by_byte, raised
from tests.support.pipe_pairs import ALERT, record_types


def test_context(material):
    """A buffer knows its context, and that its configuration."""
    client, server = material.client(), material.server()
    assert client.wrap_buffers(None).context is client
    assert server.wrap_buffers().context is server
    assert client.configuration == TLSConfiguration(trust_store=material.trust())


def test_many_of_one_context(material):
    """A context makes any number of connections."""
    client, server = material.client(), material.server()
    for _ in range(3):
        pair = BufferPair(client, server).handshake()
        assert b'data' == talk(pair.client, pair.server, b'data')


class TestServerName(object):
    @pytest.mark.parametrize('name, expected', [
        (u'localhost', u'localhost'), (u'LocalHost', u'LocalHost'), (u'127.0.0.1', None),
        (u'b\xfccher.example.org', u'b\xfccher.example.org'), (None, None)])
    def test_arguments(self, material, name, expected):
        """The callback gets the buffer, the name, IDNA decoded, and the configuration."""
        calls = []

        def choose(buffer, name, configuration):
            calls.append((buffer, name, configuration))
            return configuration
        server = material.server(sni_callback=choose)
        pair = BufferPair(material.client(validate_certificates=False), server, name).handshake()
        assert [(pair.server, expected, server.configuration)] == calls
        assert b'data' == talk(pair.client, pair.server, b'data')

    def test_other_certificate(self, material, only):
        """A configuration that it returns is used: each name gets its certificate."""
        def choose(buffer, name, configuration):
            leaf = 'wildcard' if name.endswith(u'example.org') else 'localhost'
            return configuration.update(certificate_chain=material.chain(leaf))
        server = material.backend.server_context(TLSConfiguration(sni_callback=choose, **only))
        for name in (u'localhost', u'www.example.org', u'localhost'):
            assert (None, None) == BufferPair(
                material.client(**only), server, name).try_handshake()
        assert None not in BufferPair(material.client(**only), server, u'org').try_handshake()

    def test_everything_counts(self, material):
        """All of it is used: versions, suites, protocols, and whom to let in."""
        chosen = ecdhe(material, 'AES_128_GCM_SHA256')

        def choose(buffer, name, configuration):
            return configuration.update(inner_protocols=[b'x'], trust_store=material.trust(),
                                        **chosen)
        server = material.server(inner_protocols=[b'h2'], sni_callback=choose)
        client = material.client('client', inner_protocols=[b'h2', b'x'])
        pair = BufferPair(client, server).handshake()
        assert (chosen['ciphers'][0], TLSVersion.TLSv1_2, b'x') == (
            pair.client.cipher(), pair.client.negotiated_tls_version,
            pair.client.negotiated_protocol())
        _, theirs = BufferPair(material.client(), server).try_handshake()
        assert isinstance(theirs, TLSError)

    @pytest.mark.parametrize('answer', [None, 112, False])
    def test_refuses(self, material, answer):
        """Whatever else it returns refuses the client, which gets an alert."""
        server = material.server(sni_callback=lambda *_: answer)
        pair = BufferPair(material.client(), server)
        ours, theirs = pair.try_handshake()
        assert [TLSError, TLSError] == [type(ours), type(theirs)]
        assert 'localhost' in str(theirs)
        assert isinstance(raised(pair.server.read, 1), TLSError)
        assert isinstance(raised(pair.server.write, b'data'), TLSError)

    def test_raises(self, material):
        """What it raises comes out of the server's do_handshake(); the client gets an alert."""
        def choose(*_):
            raise LookupError('no such server')
        pair = BufferPair(material.client(), material.server(sni_callback=choose))
        advance(pair.client)
        pair.server.receive_from_network(outgoing(pair.client))
        assert 'no such server' == str(raised(pair.server.do_handshake))
        assert isinstance(raised(pair.server.do_handshake), TLSError)
        carry(pair.server, pair.client)
        assert isinstance(advance(pair.client), TLSError)

    def test_bad_configuration(self, material):
        """A configuration that cannot be used fails the handshake, of both."""
        def choose(buffer, name, configuration):
            return configuration.update(lowest_supported_version=TLSVersion.SSLv3)
        pair = BufferPair(material.client(), material.server(sni_callback=choose))
        advance(pair.server)
        advance(pair.client)
        pair.server.receive_from_network(outgoing(pair.client))
        assert 'SSLv3' in str(raised(pair.server.do_handshake))
        carry(pair.server, pair.client)
        assert isinstance(advance(pair.client), TLSError)

    def test_byte_by_byte(self, material, only):
        """It is called once the whole ClientHello is here, and only then, and once."""
        calls = []

        def choose(buffer, name, configuration):
            calls.append(name)
            return configuration
        pair = BufferPair(material.client(**only), material.server(sni_callback=choose, **only))
        advance(pair.client)
        hello = outgoing(pair.client)
        for byte in byte_by_byte(hello[:-1]):
            pair.server.receive_from_network(byte)
            pytest.raises(WantReadError, pair.server.do_handshake)
        pytest.raises(WantReadError, pair.server.read, 1)
        pytest.raises(WantReadError, pair.server.write, b'data')
        assert ([], b'') == (calls, outgoing(pair.server))
        pair.server.receive_from_network(hello[-1:])
        pair.split = byte_by_byte
        pair.handshake()
        assert [u'localhost'] == calls

    @pytest.mark.parametrize('hello', [b'GET / HTTP/1.0\r\n\r\n', b'\x16\x03\x01\x00\x00',
                                       b'\x80\x2e\x01\x03\x01', b'\x16\x03\x01\x00\x01\x02'])
    def test_no_hello(self, material, hello):
        """What is no ClientHello is refused, with an alert, and the callback never called."""
        calls = []
        server = material.server(sni_callback=lambda *args: calls.append(args)).wrap_buffers()
        advance(server)
        server.receive_from_network(hello)
        assert isinstance(advance(server), TLSError)
        assert ([ALERT], []) == (record_types(outgoing(server)), calls)

    def test_ignored_by_clients(self, material):
        """A client's configuration may have a callback; nobody calls it."""
        client = material.client(sni_callback=lambda *_: None)
        assert (None, None) == BufferPair(client, material.server()).try_handshake()
