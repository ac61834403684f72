"""
wrap_bio: its arguments, what it refuses, and the object it returns. No handshake goes further
than it must.
"""
from __future__ import absolute_import, division, print_function

import io
import ssl

import pytest

import sslproto27
from sslproto27 import MemoryBIO, SSLObject, wrap_bio
from tests.support.memory import Endpoint, Pair, connect, only_python2, raised
from tests.support.pki import new_context


@pytest.fixture
def context():
    """A client's context."""
    return new_context()


def wrap(context, **kwargs):
    """Wrap two new BIOs."""
    return wrap_bio(context, MemoryBIO(), MemoryBIO(), **kwargs)


class TestBIOs(object):
    @pytest.mark.parametrize('wrong', [None, 1, b'', u'bio', io.BytesIO(), MemoryBIO], ids=repr)
    @pytest.mark.parametrize('position', [0, 1], ids=['incoming', 'outgoing'])
    def test_refuses_what_is_no_bio(self, context, wrong, position):
        """Anything but a MemoryBIO is refused with TypeError, on either side."""
        bios = [MemoryBIO(), MemoryBIO()]
        bios[position] = wrong
        with pytest.raises(TypeError):
            wrap_bio(context, *bios)

    def test_both_are_needed(self, context):
        """A single BIO is not enough."""
        with pytest.raises(TypeError):
            wrap_bio(context, MemoryBIO())

    def test_names_of_arguments(self, context):
        """Each argument goes by its name."""
        sslobj = wrap_bio(context=context, incoming=MemoryBIO(), outgoing=MemoryBIO(),
                          server_side=False, server_hostname='localhost', session=None)
        assert (False, 'localhost') == (sslobj.server_side, sslobj.server_hostname)

    def test_order_of_arguments(self):
        """
        Without names the order is context, incoming, outgoing, server_side, server_hostname,
        session.
        """
        incoming, outgoing = MemoryBIO(), MemoryBIO()
        sslobj = wrap_bio(new_context(), incoming, outgoing, False, 'localhost', None)
        assert (False, 'localhost') == (sslobj.server_side, sslobj.server_hostname)
        raised(sslobj.do_handshake)
        assert (True, False) == (outgoing.pending > 0, incoming.pending > 0)

    def test_unknown_argument(self, context):
        """An argument that there is not is refused with TypeError."""
        with pytest.raises(TypeError):
            wrap(context, do_handshake_on_connect=False)

    def test_the_same_bio_twice(self, context):
        """One BIO may serve both directions; a client then hears itself, and is told so."""
        bio = MemoryBIO()
        sslobj = wrap_bio(context, bio, bio, server_hostname='localhost')
        error = raised(sslobj.do_handshake)
        assert (ssl.SSLError, 'UNEXPECTED_MESSAGE') == (type(error), error.reason)

    def test_wrapping_moves_no_bytes(self, context):
        """Wrapping alone neither writes nor reads."""
        incoming, outgoing = MemoryBIO(), MemoryBIO()
        incoming.write(b'untouched')
        wrap_bio(context, incoming, outgoing, server_hostname='localhost')
        assert (9, 0) == (incoming.pending, outgoing.pending)

    def test_bytes_may_wait_already(self, client_context, server_context):
        """A server wraps a BIO in which a ClientHello waits, and answers it."""
        outgoing = MemoryBIO()
        client = wrap_bio(client_context, MemoryBIO(), outgoing, server_hostname='localhost')
        raised(client.do_handshake)
        answer = MemoryBIO()
        server = wrap_bio(server_context, outgoing, answer, server_side=True)
        assert ssl.SSLWantReadError is type(raised(server.do_handshake))
        assert (0, True) == (outgoing.pending, answer.pending > 0)

    def test_directly_connected_bios(self, client_context, server_context):
        """Two ends may share their BIOs crosswise: no pump is needed at all."""
        there, back = MemoryBIO(), MemoryBIO()
        client = wrap_bio(client_context, back, there, server_hostname='localhost')
        client = Endpoint(client, back, there)
        server = Endpoint(wrap_bio(server_context, there, back, server_side=True), there, back)
        done = [end.handshake_is_done() for end in (client, server, client, server, client)]
        assert [False, False, True] == done[:2] + done[4:]
        client.sslobj.write(b'ping')
        assert b'ping' == server.read_available()


class TestContext(object):
    @pytest.mark.parametrize('wrong', [None, 1, b'context', ssl.SSLContext], ids=repr)
    def test_refuses_what_is_no_context(self, wrong):
        """Anything but an SSLContext is refused with TypeError."""
        with pytest.raises(TypeError):
            wrap(wrong)

    def test_plain_context(self, context):
        """The interpreter's own SSLContext is taken, and handed out again."""
        assert context is wrap(context).context

    def test_subclass(self):
        """A subclass of it is taken too."""
        class Context(ssl.SSLContext):
            """A user's own."""
        context = new_context(cls=Context)
        assert context is wrap(context).context

    def test_our_context(self):
        """sslproto27's SSLContext is an ssl.SSLContext, and is taken too."""
        context = new_context(cls=sslproto27.SSLContext)
        assert isinstance(context, ssl.SSLContext)
        assert context is wrap(context).context

    def test_method_of_our_context(self):
        """sslproto27's SSLContext has wrap_bio as a method, as PEP 546 has it."""
        context = new_context(cls=sslproto27.SSLContext)
        sslobj = context.wrap_bio(MemoryBIO(), MemoryBIO(), server_hostname='localhost')
        assert (True, context, 'localhost') == (
            isinstance(sslobj, SSLObject), sslobj.context, sslobj.server_hostname)

    def test_many_objects_of_one_context(self, client_context, server_context, tls_version):
        """One context serves many objects at a time, each with its own state."""
        pairs = [Pair(client_context, server_context) for _ in range(20)]
        for pair in pairs[::2]:
            pair.handshake()
        assert [tls_version, None] * 10 == [pair.client.version() for pair in pairs]


class TestServerSide(object):
    @pytest.mark.parametrize('value, expected',
                             [(False, False), (True, True), (0, False), (1, True)])
    def test_truth(self, value, expected):
        """server_side is taken by its truth and read back as a bool."""
        assert expected is wrap(new_context(server_side=bool(value)), server_side=value).server_side

    def test_default_is_a_client(self, context):
        """Without it, the object is a client without a name."""
        sslobj = wrap(context)
        assert (False, None) == (sslobj.server_side, sslobj.server_hostname)

    def test_a_client_speaks_first(self, context):
        """A client's handshake begins with a ClientHello, a server's with waiting."""
        out = MemoryBIO(), MemoryBIO()
        client = wrap_bio(context, MemoryBIO(), out[0])
        server = wrap_bio(new_context(server_side=True), MemoryBIO(), out[1], server_side=True)
        errors = [raised(end.do_handshake) for end in (client, server)]
        assert [ssl.SSLWantReadError] * 2 == [type(error) for error in errors]
        assert (b'\x16\x03\x01', b'') == (out[0].read(3), out[1].read())


class TestServerHostname(object):
    @pytest.mark.parametrize('name, expected', [
        (u'localhost', 'localhost'), (b'localhost', 'localhost'), (u'LocalHost', 'LocalHost'),
        (u'127.0.0.1', '127.0.0.1'), (u'::1', '::1'), (u'localhost.', 'localhost.'),
        (u'b\xfccher.example.org', 'xn--bcher-kva.example.org'),
        (b'xn--bcher-kva.example.org', 'xn--bcher-kva.example.org'),
        (u'a_b.example', 'a_b.example'),
        (u'x' * 63, 'x' * 63), (None, None),
    ], ids=repr)
    def test_read_back(self, context, name, expected):
        """Text or bytes are taken, and read back as text; an IDNA name as its A-label."""
        assert expected == wrap(context, server_hostname=name).server_hostname

    @pytest.mark.parametrize('name, error', [
        (u'', ValueError), (b'', ValueError), (u'.localhost', UnicodeError),
        (b'.localhost', ValueError),
        (u'a..b', UnicodeError), (u'x' * 64, UnicodeError), (b'b\xfccher', UnicodeError),
        (u'a\0b', TypeError), (b'a\0b', TypeError),
    ], ids=repr)
    def test_refused(self, context, name, error):
        """No empty name or label, none over 63 bytes, no bytes beyond ASCII, no NUL."""
        with pytest.raises(error):
            wrap(context, server_hostname=name)

    @pytest.mark.parametrize('name', [5, 1.5, [], object()], ids=repr)
    def test_refuses_what_is_no_text(self, context, name):
        """
        What is neither text nor bytes is refused (3.13 says AttributeError, where TypeError is
        meant).
        """
        with pytest.raises((TypeError, AttributeError)):
            wrap(context, server_hostname=name)

    @only_python2
    def test_type_error_names_the_argument(self, context):
        """The TypeError for a name that is no text says which argument is meant."""
        with pytest.raises(TypeError) as info:
            wrap(context, server_hostname=5)
        assert 'server_hostname' in str(info.value)

    def test_check_hostname_without_a_name_is_not_refused_here(self, context):
        """A context that checks names may wrap without one: to refuse is the transport's task."""
        context.check_hostname = True
        assert None is wrap(context).server_hostname

    def test_no_name_no_check(self, client_context, server_context):
        """Without a name there is none to check, and the handshake succeeds."""
        pair = Pair(client_context, server_context, server_hostname=None)
        assert (None, None) == pair.try_handshake()


class TestSession(object):
    @pytest.mark.parametrize('wrong', [1, b'session', object(), 'session'], ids=repr)
    def test_refuses_what_is_no_session(self, context, wrong):
        """Anything but an SSLSession is refused with TypeError."""
        with pytest.raises(TypeError):
            wrap(context, session=wrong)

    def test_of_the_same_context(self, client_context, server_context):
        """A session of the same context is taken, and resumed by the handshake."""
        session = connect(client_context, server_context).client.session
        assert connect(client_context, server_context, session=session).client.session_reused

    def test_of_another_context(self, pki, client_context, server_context, tls_version):
        """A session of another context is refused with ValueError."""
        session = connect(client_context, server_context).client.session
        with pytest.raises(ValueError):
            wrap(pki.client_context(version=tls_version), session=session)

    def test_on_a_server(self, client_context, server_context):
        """A server is refused any session with ValueError."""
        session = connect(client_context, server_context).server.session
        with pytest.raises(ValueError):
            wrap(server_context, server_side=True, session=session)


class TestResult(object):
    def test_type(self, context):
        """The result is an SSLObject."""
        assert isinstance(wrap(context), SSLObject)

    def test_no_public_constructor(self):
        """SSLObject cannot be called, with or without arguments."""
        with pytest.raises(TypeError):
            SSLObject()
        with pytest.raises(TypeError):
            SSLObject(MemoryBIO(), MemoryBIO())

    def test_class_of_the_context(self):
        """A context's sslobject_class is what its own wrap_bio returns."""
        class Mine(SSLObject):
            """A user's own."""
        context = new_context(cls=sslproto27.SSLContext)
        context.sslobject_class = Mine
        assert Mine is type(context.wrap_bio(MemoryBIO(), MemoryBIO()))
