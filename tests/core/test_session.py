"""Sessions: what an SSLSession says, and resumption with it."""
from __future__ import absolute_import, division, print_function

import time

import pytest

from sslproto27 import SSLSession
from tests.support.memory import PY2, Endpoint, Pair, connect, only_python2, raised

INTEGERS = (int,) if not PY2 else (int, type(1 << 80))


@pytest.fixture
def session(pair):
    """The session of a connected client."""
    return pair.client.session


class TestSSLSession(object):
    def test_type(self, session):
        """A session is an SSLSession."""
        assert isinstance(session, SSLSession)

    def test_of_a_server(self, pair):
        """A server has a session too."""
        assert isinstance(pair.server.session, SSLSession)

    @pytest.mark.parametrize('args', [(), (1,)], ids=repr)
    def test_no_public_constructor(self, args):
        """SSLSession cannot be called."""
        with pytest.raises(TypeError):
            SSLSession(*args)

    def test_id(self, session):
        """The id is 32 bytes."""
        assert (bytes, 32) == (type(session.id), len(session.id))

    def test_time(self, session):
        """The time is when it was made, in seconds since 1970."""
        assert isinstance(session.time, INTEGERS)
        assert abs(session.time - time.time()) < 60

    def test_timeout(self, session):
        """The timeout is in whole seconds, more than none."""
        assert isinstance(session.timeout, INTEGERS)
        assert session.timeout > 0

    def test_ticket(self, session):
        """
        OpenSSL's servers issue tickets: has_ticket is True, and the hint is how long, in
        seconds.
        """
        assert (True, True) == (session.has_ticket, session.ticket_lifetime_hint > 0)
        assert (bool, True) == (type(session.has_ticket),
                                isinstance(session.ticket_lifetime_hint, INTEGERS))

    def test_without_a_ticket(self, pki):
        """A TLS 1.2 session from the server's cache has no ticket, and no hint."""
        server = pki.server_context(version='TLSv1.2')
        server.options |= 0x4000  # SSL_OP_NO_TICKET
        session = connect(pki.client_context('TLSv1.2'), server).client.session
        assert (False, 0, 32) == (session.has_ticket, session.ticket_lifetime_hint, len(session.id))

    @pytest.mark.parametrize('name',
                             ['id', 'time', 'timeout', 'ticket_lifetime_hint', 'has_ticket'])
    def test_read_only(self, session, name):
        """No attribute can be set or deleted."""
        with pytest.raises(AttributeError):
            setattr(session, name, 1)
        with pytest.raises(AttributeError):
            delattr(session, name)

    def test_equality(self, pair, client_context, server_context):
        """Sessions are equal when their ids are, and only to sessions."""
        first, again = pair.client.session, pair.client.session
        other = connect(client_context, server_context).client.session
        assert [True, False] == [first == again, first == other]
        assert [False, True] == [first != again, first != other]
        assert [False, True] == [first == first.id, first != 5]

    def test_not_hashable(self, session):
        """As it is compared by value, it has no hash."""
        with pytest.raises(TypeError):
            hash(session)

    def test_no_order(self, session):
        """Sessions have no order."""
        if PY2:
            pytest.skip('Python 2 orders anything')
        with pytest.raises(TypeError):
            session < session

    def test_outlives_its_connection(self, client_context, server_context):
        """A session still says what it said when connection and contexts are gone."""
        pair = connect(client_context, server_context)
        session, before = pair.client.session, pair.client.session.id
        del pair, client_context, server_context
        assert (before, True) == (session.id, session.has_ticket)


class TestBeforeTheHandshake(object):
    def test_none(self, client_context, server_context):
        """A new object of either side has no session."""
        pair = Pair(client_context, server_context)
        assert (None, None) == (pair.client.session, pair.server.session)


class TestResumption(object):
    def test_first_is_not_resumed(self, pair):
        """A first connection resumes nothing; each end says so with a bool."""
        assert (False, False) == (pair.client.session_reused, pair.server.session_reused)
        assert {bool} == {type(pair.client.session_reused), type(pair.server.session_reused)}

    def test_by_argument(self, client_context, server_context, session):
        """A session given to wrap_bio is resumed, and both ends say so."""
        pair = connect(client_context, server_context, session=session)
        assert (True, True) == (pair.client.session_reused, pair.server.session_reused)
        assert {bool} == {type(pair.client.session_reused), type(pair.server.session_reused)}

    def test_by_attribute(self, client_context, server_context, session):
        """A session set before the handshake is resumed too."""
        pair = Pair(client_context, server_context)
        pair.client.session = session
        pair.handshake().exchange()
        assert (True, True) == (pair.client.session_reused, pair.server.session_reused)

    def test_set_session_can_be_read(self, client_context, server_context, session):
        """A session that was set reads back equal before the handshake."""
        pair = Pair(client_context, server_context)
        pair.client.session = session
        assert session == pair.client.session

    def test_not_given(self, client_context, server_context, session):
        """A session that exists but is not given is not resumed."""
        assert False is connect(client_context, server_context).client.session_reused

    def test_data_flows(self, client_context, server_context, session):
        """A resumed connection carries data both ways."""
        pair = connect(client_context, server_context, session=session)
        assert (b'there', b'back') == (pair.transfer(pair.client_end, b'there'),
                                       pair.transfer(pair.server_end, b'back'))

    def test_chain_of_resumptions(self, client_context, server_context, session):
        """A resumed connection's own session can be resumed, and so on."""
        reused = []
        for _ in range(5):
            pair = connect(client_context, server_context, session=session)
            reused.append(pair.client.session_reused)
            session = pair.client.session
        assert [True] * 5 == reused

    def test_is_shorter(self, client_context, server_context, session):
        """A resumed handshake sends no certificate: it has fewer bytes."""
        sizes = []
        for given in (None, session):
            pair = Pair(client_context, server_context, session=given)
            raised(pair.client.do_handshake)
            pair.pump()
            raised(pair.server.do_handshake)
            sizes.append(pair.server_end.outgoing.pending)
        assert sizes[0] > sizes[1] > 0

    def test_peer_certificate_is_known(self, client_context, server_context, session, pki):
        """On a resumed connection the peer's certificate is that of the first."""
        pair = connect(client_context, server_context, session=session)
        assert pki.chain('localhost')[0] == pair.client.getpeercert(True)

    def test_other_server_declines(self, pki, client_context, session, tls_version):
        """A server that does not know the session goes through a full handshake."""
        pair = connect(client_context, pki.server_context(version=tls_version), session=session)
        assert (False, False) == (pair.client.session_reused, pair.server.session_reused)

    def test_from_the_cache(self, pki):
        """
        In TLS 1.2 a session without a ticket is resumed from the server's cache, under the same
        id.
        """
        client, server = pki.client_context('TLSv1.2'), pki.server_context(version='TLSv1.2')
        server.options |= 0x4000  # SSL_OP_NO_TICKET
        first = connect(client, server)
        session = first.client.session
        second = connect(client, server, session=session)
        assert (True, session.id) == (second.client.session_reused, second.client.session.id)

    def test_after_clean_shutdown(self, client_context, server_context, pair):
        """A session taken after a clean end is as good as any."""
        pair.shut_down()
        session = pair.client.session
        pair = connect(client_context, server_context, session=session)
        assert True is pair.client.session_reused

    def test_abandoned_connection_keeps_it(self, client_context, server_context):
        """
        A session that was taken stays good when its connection is dropped without close_notify.
        """
        pair = connect(client_context, server_context)
        session = pair.client.session
        del pair
        pair = connect(client_context, server_context, session=session)
        assert True is pair.client.session_reused


class TestSetting(object):
    @pytest.mark.parametrize('wrong', [None, 1, b'session', object()], ids=repr)
    def test_wrong_type(self, client_context, wrong):
        """Anything but an SSLSession is refused with TypeError."""
        sslobj = Endpoint.wrap(client_context).sslobj
        with pytest.raises(TypeError):
            sslobj.session = wrong
        assert None is sslobj.session

    def test_after_the_handshake(self, pair, session):
        """Once the handshake is done it is too late: ValueError."""
        with pytest.raises(ValueError):
            pair.client.session = session

    def test_on_a_server(self, server_context, session):
        """A server cannot be given one: ValueError."""
        sslobj = Endpoint.wrap(server_context, server_side=True).sslobj
        with pytest.raises(ValueError):
            sslobj.session = session

    def test_of_another_context(self, pki, session, tls_version):
        """A session of another context is refused with ValueError."""
        sslobj = Endpoint.wrap(pki.client_context(version=tls_version)).sslobj
        with pytest.raises(ValueError):
            sslobj.session = session

    @only_python2  # Python 3.13.0 resumes it, and checks no name
    def test_of_another_name(self, client_context, session):
        """A session of another server name is refused with ValueError where names are checked."""
        assert client_context.check_hostname
        sslobj = Endpoint.wrap(client_context, server_hostname='other.example.org').sslobj
        error = raised(setattr, sslobj, 'session', session)
        assert ValueError is type(error)
        assert 'other.example.org' in str(error)
        assert None is sslobj.session

    @only_python2
    def test_of_another_name_unchecked(self, pki, server_context, tls_version):
        """Where no name is checked a session of another one can be resumed."""
        context = pki.client_context(version=tls_version)
        context.check_hostname = False
        session = connect(context, server_context).client.session
        pair = connect(context, server_context, server_hostname='127.0.0.1', session=session)
        assert pair.client.session_reused
