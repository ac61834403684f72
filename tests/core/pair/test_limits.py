"""What the pair engine cannot do, and how it says so."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from tests.support.engines import ENGINE
from tests.support.memory import PY2

if not PY2:
    pytest.skip("Python 3's ssl has memory BIOs", allow_module_level=True)

from sslproto27._core.context.sslcontext import MEMBERS, SSLContext  # noqa: E402
from sslproto27._core.errors import SSLCertVerificationError  # noqa: E402
from sslproto27._core.pair.limits import LIMITS  # noqa: E402
from tests.support.pair_engine import Ends, refused, wrap  # noqa: E402

pytestmark = pytest.mark.usefixtures('watched', 'fresh')


class TestLimits(object):
    """What the engine cannot do raises NotImplementedError that names it and the reason."""

    def test_probed(self, ends):
        """getattr with a default works, as for what stock's objects do not have."""
        probed = [(ends.client, 'session'), (ends.server, 'session'),
                  (ends.server, 'session_reused'), (ends.client, 'get_verified_chain')]
        assert [None] * 4 == [getattr(end, name, None) for end, name in probed]

    @pytest.mark.skipif(ENGINE != 'pair', reason="SSLContext is the other engine's")
    @pytest.mark.parametrize('plain', [False, True], ids=['ours', 'plain'])
    def test_all_probed(self, ends, monkeypatch, plain):
        """Nothing that dir() names raises anything but AttributeError, of contexts and objects."""
        if plain:
            for name, value in MEMBERS.items():
                monkeypatch.setattr(ssl.SSLContext, name, value, raising=False)
        new = (ssl.SSLContext if plain else SSLContext)(ssl.PROTOCOL_SSLv23)
        for one in (new, ends.client, ends.server, wrap(new).sslobj,
                    wrap(new, server_side=True).sslobj):
            for name in dir(one):
                getattr(one, name, None)
        assert [None] * 2 == [getattr(new, name, None) for name in (
            'num_tickets', 'security_level')]

    @pytest.mark.parametrize('name, use', [
        ('session', lambda ends: ends.client.session),
        ('session_reused of a server', lambda ends: ends.server.session_reused),
        ('shared_ciphers', lambda ends: ends.server.shared_ciphers()),
        ('get_verified_chain', lambda ends: ends.client.get_verified_chain()),
        ('get_unverified_chain', lambda ends: ends.client.get_unverified_chain()),
        ('verify_client_post_handshake',
         lambda ends: ends.server.verify_client_post_handshake()),
        ("channel binding 'tls-exporter'",
         lambda ends: ends.client.get_channel_binding('tls-exporter')),
        ("channel binding 'tls-server-end-point' of a server",
         lambda ends: ends.server.get_channel_binding('tls-server-end-point')),
    ])
    def test_objects(self, ends, name, use):
        """Of a TLS object."""
        error = refused(use, ends)
        assert isinstance(error, NotImplementedError)
        assert (name, True, True) == (
            error.name, 'pair engine' in str(error), LIMITS[name] in str(error))

    def test_verification(self, pki, client_context):
        """Of why a chain was refused."""
        ends = Ends(client_context, pki.server_context('stranger'))
        error = ends.try_handshake()[0]
        assert SSLCertVerificationError is type(error)
        assert ['verify_code', 'verify_message'] == [
            refused(getattr, error, name).name for name in ('verify_code', 'verify_message')]

    def test_native_text(self, ends):
        """The version is native text on PyPy as well."""
        assert str is type(ends.client.version())

    def test_what_is_known(self, ends):
        """What is known all the same is told: a client resumes nothing, nor has shared ciphers."""
        assert (False, None) == (ends.client.session_reused, ends.client.shared_ciphers())
