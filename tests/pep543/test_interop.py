"""PEP 543's backends among each other, and with the interpreter's own ssl over real sockets."""
from __future__ import absolute_import, division, print_function

import contextlib
import ssl

import pytest

from sslproto27.pep543 import NextProtocol, TLSError, WantReadError
from tests.support.buffers import (
    BACKENDS, VERSIONS, BufferPair, Material, backend_called, carry, read_all, talk)
from tests.support.memory import raised
from tests.support.pipe_pairs import pattern
from tests.support.sockets import Background, connection, read_exactly

SIDES = pytest.mark.parametrize('ours', ['client', 'server'])


@pytest.fixture
def settings(tls_version):
    """The settings for one version of TLS alone: each in turn."""
    version = VERSIONS[tls_version]
    return dict(lowest_supported_version=version, highest_supported_version=version)


class TestBackends(object):
    @pytest.fixture(params=[BACKENDS, BACKENDS[::-1]], ids='-'.join)
    def materials(self, request, pki):
        """Material for a client of one backend, and for a server of the other."""
        return [Material(pki, backend_called(name)) for name in request.param]

    @SIDES
    def test_data(self, materials, settings, ours):
        """Megabytes arrive, and an end is an end."""
        client, server = materials
        pair = BufferPair(client.client('client', **settings),
                          server.server(trust='ca', **settings)).handshake()
        source, target = pair.sides(ours)
        assert pattern(1500000) == talk(source, target, pattern(1500000))
        pytest.raises(WantReadError, source.shutdown)
        carry(source, target)
        assert (b'', b'') == read_all(target)
        assert target.shutdown() is None
        carry(target, source)
        assert source.shutdown() is None

    def test_facts(self, materials, settings):
        """They agree on what they have negotiated."""
        client, server = materials
        settings['inner_protocols'] = [NextProtocol.HTTP1]
        pair = BufferPair(client.client(**settings), server.server(**settings)).handshake()
        ours, theirs = [(side.cipher(), side.negotiated_protocol(), side.negotiated_tls_version)
                        for side in (pair.client, pair.server)]
        assert ours == theirs
        assert NextProtocol.HTTP1 is ours[1]

    def test_server_name(self, materials, settings):
        """One's callback finds the name that the other's client sends."""
        client, server = materials

        def choose(buffer, name, configuration):
            return configuration.update(certificate_chain=server.chain(
                'wildcard' if name == u'www.example.org' else 'stranger'))
        context = server.server(sni_callback=choose, **settings)
        assert (None, None) == BufferPair(
            client.client(**settings), context, u'www.example.org').try_handshake()
        assert None not in BufferPair(
            client.client(**settings), context, u'localhost').try_handshake()

    def test_refused(self, materials, settings):
        """One refuses the other's wrong name, and that hears of it."""
        client, server = materials
        ours, theirs = BufferPair(
            client.client(**settings), server.server('other', **settings)).try_handshake()
        assert 'CERTIFICATE_VERIFY_FAILED' == ours.reason
        assert type(theirs) is TLSError


class TestInterpretersOwn(object):
    @pytest.fixture(params=BACKENDS)
    def material(self, request, pki):
        """Each backend's in turn."""
        return Material(pki, backend_called(request.param))

    @contextlib.contextmanager
    def ends(self, pki, material, settings, tls_version, ours, leaf='localhost'):
        """Give (our end, the interpreter's own) of a connection, before the handshake."""
        with connection() as (near, far):
            if ours == 'client':
                ssl_context = pki.server_context(leaf, version=tls_version, trust='ca')
                mine = material.client('client', **settings).wrap_socket(near, u'localhost')
                kwargs = dict(server_side=True)
            else:
                ssl_context = pki.client_context(version=tls_version, leaf='client')
                mine = material.server(leaf, trust='ca', **settings).wrap_socket(near)
                kwargs = dict(server_hostname='localhost')
            ssl_context.set_alpn_protocols(['http/1.1'])
            theirs = ssl_context.wrap_socket(far, do_handshake_on_connect=False, **kwargs)
            yield mine, theirs
            mine.close()
            theirs.close()

    @SIDES
    def test_data(self, pki, material, settings, tls_version, ours):
        """Data goes both ways, and ends; both have proved who they are, and agree."""
        settings['inner_protocols'] = [NextProtocol.HTTP1]
        with self.ends(pki, material, settings, tls_version, ours) as (mine, theirs):
            other = Background(theirs.do_handshake)
            mine.do_handshake()
            other.result()
            assert NextProtocol.HTTP1 is mine.negotiated_protocol()
            assert theirs.version() == tls_version
            assert VERSIONS[tls_version] is mine.negotiated_tls_version()
            assert theirs.getpeercert()
            sending = Background(theirs.sendall, pattern(500000))
            assert pattern(500000) == read_exactly(mine, 500000)
            sending.result()
            reading = Background(read_exactly, theirs, 500000)
            mine.sendall(pattern(500000))
            assert pattern(500000) == reading.result()
            ending = Background(theirs.unwrap)
            plain, other_plain = mine.unwrap(), ending.result()
            plain.sendall(b'plaintext')
            assert b'plaintext' == other_plain.recv(100)
            plain.close()

    def test_refused(self, pki, material, settings, tls_version):
        """A wrong name is refused, and the interpreter's own server gets an alert."""
        with self.ends(pki, material, settings, tls_version, 'client', 'other') as (mine, theirs):
            other = Background(theirs.do_handshake)
            assert 'CERTIFICATE_VERIFY_FAILED' == raised(mine.do_handshake).reason
            assert isinstance(raised(other.result), ssl.SSLError)
