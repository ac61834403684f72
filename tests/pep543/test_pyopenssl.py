"""The backend on pyOpenSSL: beside the other one, and with it."""
from __future__ import absolute_import, division, print_function

import pytest

from sslproto27.pep543 import NextProtocol, TLSError, WantReadError
from tests.support.buffers import (
    BACKENDS, SIDES, VERSIONS, BufferPair, Material, backend_called, carry, read_all, talk)
from tests.support.pipe_pairs import pattern


def test_imports_no_other(run_python):
    """Importing the package imports no other backend's library."""
    assert (0, 'False\n', '') == run_python(
        "import sys, sslproto27.pep543; print('OpenSSL' in sys.modules)")


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
