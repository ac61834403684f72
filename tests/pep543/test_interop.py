"""PEP 543's backends with the interpreter's own ssl, over real sockets."""
from __future__ import absolute_import, division, print_function

import contextlib
import ssl

import pytest

from sslproto27.pep543 import NextProtocol
from tests.support.buffers import BACKENDS, SIDES, VERSIONS, Material, backend_called
from tests.support.memory import raised
from tests.support.pipe_pairs import pattern
from tests.support.sockets import Background, connection, read_exactly


@pytest.fixture
def settings(tls_version):
    """The settings for one version of TLS alone: each in turn."""
    version = VERSIONS[tls_version]
    return dict(lowest_supported_version=version, highest_supported_version=version)


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
