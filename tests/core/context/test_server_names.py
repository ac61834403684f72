"""Server name indication: the callback, what it is handed, and what it may decide."""
from __future__ import absolute_import, division, print_function

import contextlib
import gc
import socket
import ssl
import sys
import weakref

import pytest

from sslproto27 import SSLContext, SSLObject
from sslproto27.context import set_sni_callback
from tests.support.contexts import needs
from tests.support.engines import ENGINE, not_in_pair, only_graft
from tests.support.memory import PY2, Pair, ask_for, connect, error_facts, since_python3
from tests.support.pki import new_context
from tests.support.sockets import connection


def on_server_name(context, callback):
    """Set the callback in the way of this Python's own contexts."""
    if PY2:
        context.set_servername_callback(callback)
    else:
        context.sni_callback = callback


@contextlib.contextmanager
def unraisable(capfd):
    """Yield a list that afterwards holds what was said of exceptions that nobody could catch."""
    said = []
    if not hasattr(sys, 'unraisablehook'):
        capfd.readouterr()
        yield said
        said.append(capfd.readouterr()[1])
        return
    hook = sys.unraisablehook
    sys.unraisablehook = lambda event: said.append(repr(event.exc_value))
    try:
        yield said
    finally:
        sys.unraisablehook = hook


@pytest.fixture
def calls(server_context):
    """The arguments of each call of the server's callback, which decides nothing."""
    recorded = []
    on_server_name(server_context, lambda *args: recorded.append(args))
    return recorded


class TestArguments(object):
    def test_object_itself(self, calls, client_context, server_context):
        """The callback is handed the very object that shakes hands, once."""
        pair = connect(client_context, server_context)
        assert [True] == [sslobj is pair.server for sslobj, _, _ in calls]
        assert isinstance(calls[0][0], SSLObject)

    def test_name_and_context(self, calls, client_context, server_context):
        """Then the name that the client asked for, as text, and the context."""
        connect(client_context, server_context)
        assert [(u'localhost', server_context)] == [call[1:] for call in calls]

    def test_name_case(self, calls, client_context, server_context):
        """The name comes in the case in which the client wrote it."""
        connect(client_context, server_context, server_hostname='LocalHost')
        assert [u'LocalHost'] == [name for _, name, _ in calls]

    @pytest.mark.parametrize('name', [None, u'127.0.0.1', u'::1'], ids=repr)
    def test_no_name(self, calls, client_context, server_context, name):
        """Without a name, or with an address, which is none (RFC 6066 3), it is handed None."""
        connect(client_context, server_context, server_hostname=name)
        assert [None] == [name for _, name, _ in calls]

    def test_address_is_not_on_the_wire(self, client_context, server_context):
        """A ClientHello for an address does not hold it; one for a name does."""
        hellos = []
        for name in (u'127.0.0.1', u'localhost'):
            pair = Pair(client_context, server_context, server_hostname=name)
            pair.client_end.handshake_is_done()
            hellos.append(name.encode('ascii') in pair.client_end.outgoing.read())
        assert [False, True] == hellos

    def test_each_object_its_own(self, calls, client_context, server_context):
        """Handshakes that run side by side are told apart."""
        pairs = [Pair(client_context, server_context) for _ in range(5)]
        for pair in pairs:
            pair.client_end.handshake_is_done()
            pair.pump()
        for pair in reversed(pairs):
            pair.server_end.handshake_is_done()
        assert [True] * 5 == [call[0] is pair.server for call, pair in zip(calls, reversed(pairs))]

    def test_state_in_the_callback(self, client_context, server_context):
        """In the callback the object can be asked about itself; nothing is decided yet."""
        seen = []
        on_server_name(server_context, lambda sslobj, name, context: seen.append(
            (sslobj.server_side, sslobj.context is server_context,
             sslobj.selected_alpn_protocol())))
        connect(client_context, server_context)
        assert [(True, True, None)] == seen


class TestDecisions(object):
    def test_another_certificate(self, pki, client_context, server_context, tls_version):
        """
        Setting the object's context serves that context's certificate; the client verifies it.
        """
        other = pki.server_context('other', tls_version)

        def choose(sslobj, name, context):
            if name == u'other.example.org':
                sslobj.context = other
        on_server_name(server_context, choose)
        pairs = [connect(client_context, server_context, server_hostname=name)
                 for name in (u'localhost', u'other.example.org')]
        assert [pki.chain('localhost')[0], pki.chain('other')[0]] == [
            pair.client.getpeercert(True) for pair in pairs]
        assert [True, True] == [pairs[0].server.context is server_context,
                                pairs[1].server.context is other]

    def test_original_context_stays(self, pki, client_context, server_context, tls_version):
        """What one object chose does not bind the next one of the same context."""
        chosen = [pki.server_context('ecdsa', tls_version)]

        def choose(sslobj, name, context):
            if chosen:
                sslobj.context = chosen.pop()
        on_server_name(server_context, choose)
        pairs = [connect(client_context, server_context) for _ in range(2)]
        assert [pki.chain('ecdsa')[0], pki.chain('localhost')[0]] == [
            pair.client.getpeercert(True) for pair in pairs]

    def test_chosen_context_is_kept_alive(self, pki, client_context, server_context, tls_version):
        """A context made in the callback lives as long as its object, and no longer."""
        seen = []

        def choose(sslobj, name, context):
            chosen = pki.server_context('ecdsa', tls_version)
            seen.append(weakref.ref(chosen))
            sslobj.context = chosen
        on_server_name(server_context, choose)
        pair = connect(client_context, server_context)
        gc.collect()
        assert True is (seen[0]() is pair.server.context)
        assert b'abc' == pair.transfer(pair.server_end, b'abc')
        del pair
        gc.collect()
        assert [None] == [reference() for reference in seen]

    def test_none_lets_it_pass(self, client_context, server_context):
        """A callback that returns None lets the handshake go on."""
        on_server_name(server_context, lambda sslobj, name, context: None)
        assert (None, None) == Pair(client_context, server_context).try_handshake()

    @since_python3(8, 'the name of the reason')
    @pytest.mark.parametrize('alert, reason', [
        ('ALERT_DESCRIPTION_ACCESS_DENIED', 'TLSV1_ALERT_ACCESS_DENIED'),
        ('ALERT_DESCRIPTION_UNRECOGNIZED_NAME', 'TLSV1_UNRECOGNIZED_NAME'),
        ('ALERT_DESCRIPTION_INTERNAL_ERROR', 'TLSV1_ALERT_INTERNAL_ERROR'),
    ])
    def test_alert(self, client_context, server_context, alert, reason):
        """
        A number that it returns is the alert that the client gets; the server's reason is the
        callback.
        """
        on_server_name(server_context, lambda sslobj, name, context: getattr(ssl, alert))
        errors = Pair(client_context, server_context).try_handshake()
        assert [(ssl.SSLError, 1, 'SSL', reason), (ssl.SSLError, 1, 'SSL', 'CALLBACK_FAILED')] == [
            error_facts(error) for error in errors]

    @pytest.mark.parametrize('set_callback', [on_server_name, set_sni_callback])
    @since_python3(8, 'the name of the reason')
    def test_exception(self, client_context, server_context, capfd, set_callback):
        """An exception in it is reported, and ends the handshake by an alert."""
        def fail(sslobj, name, context):
            raise ZeroDivisionError('boom')
        set_callback(server_context, fail)
        with unraisable(capfd) as said:
            errors = Pair(client_context, server_context).try_handshake()
        assert ['SSLV3_ALERT_HANDSHAKE_FAILURE', 'CALLBACK_FAILED'] == [
            error.reason for error in errors]
        assert 'boom' in said[0]

    @pytest.mark.parametrize('set_callback', [on_server_name, set_sni_callback])
    @since_python3(8, 'the name of the reason')
    def test_wrong_result(self, client_context, server_context, capfd, set_callback):
        """A result that is no number is reported, and ends the handshake by internal_error."""
        set_callback(server_context, lambda sslobj, name, context: 'not a number')
        with unraisable(capfd) as said:
            errors = Pair(client_context, server_context).try_handshake()
        assert ['TLSV1_ALERT_INTERNAL_ERROR', 'CALLBACK_FAILED'] == [
            error.reason for error in errors]
        assert [True] == [text != '' for text in said]

    @pytest.mark.parametrize('wrong', [None, 1, 'context'], ids=repr)
    def test_wrong_context(self, client_context, server_context, wrong):
        """
        Setting what is no context is a TypeError in the callback, which may catch it and go on.
        """
        caught = []

        def choose(sslobj, name, context):
            try:
                sslobj.context = wrong
            except TypeError as error:
                caught.append(type(error))
        on_server_name(server_context, choose)
        pair = connect(client_context, server_context)
        assert ([TypeError], True) == (caught, pair.server.context is server_context)

    def test_failure_is_one_objects(self, client_context, server_context):
        """A refused handshake does no harm to the next one."""
        answers = [ssl.ALERT_DESCRIPTION_ACCESS_DENIED, None]
        on_server_name(server_context, lambda sslobj, name, context: answers.pop(0))
        results = [Pair(client_context, server_context).try_handshake() for _ in range(2)]
        assert [False, True] == [result == (None, None) for result in results]

    def test_no_cycle(self, client_context, server_context):
        """The object dies although the callback was handed it."""
        on_server_name(server_context, lambda sslobj, name, context: None)
        pair = connect(client_context, server_context)
        reference = weakref.ref(pair.server)
        del pair
        gc.collect()
        assert None is reference()


#: What the codec of IDNA 2003 cannot take apart and put together again, and what it can.
NAMES = [
    'localhost', 'xn--strae-oqa.test', 'xn--fa-hia.test', 'xn--i-7iq.test', 'xn--ls8h.test',
    'xn--bcher-kva.test', 'xn--a.test', 'xn--.test', 'xn--0.test', 'under_score.test', 'UPPER.Test',
    'a' * 63 + '.test', 'x' * 64 + '.test', 'xn--9999999999.test', 'xn--zca.test', '-x-.test',
    'a b.test', '*.test', 'a..test', '.....', 'q.' * 127 + 'q']


def is_decoded(name):
    """Return whether 2.7's ssl, which decodes names, takes *name*; the pair needs it to."""
    return not PY2 or 'xn--' not in name or name in (
        'xn--i-7iq.test', 'xn--ls8h.test', 'xn--bcher-kva.test')


@needs('sni_callback')
class TestNames(object):
    """sni_callback is handed what the client has sent, whatever Python makes of such names."""

    @pytest.fixture
    def context(self, pki, tls_version):
        """A server's context of ours."""
        return pki.server_context('localhost', tls_version, cls=SSLContext)

    @pytest.mark.parametrize('name', [
        pytest.param(name, marks=[not_in_pair(
            'set_sni_callback for names that IDNA 2003 cannot decode')] * (not is_decoded(name)))
        for name in NAMES])
    def test_as_sent(self, client_context, context, name, capfd):
        """The callback gets the A-labels, the handshake goes on, and nobody is told of it."""
        seen = []
        context.sni_callback = lambda sslobj, name, given: seen.append((type(name), name))
        with unraisable(capfd) as said:
            error, sent = ask_for(client_context, context, name.encode('ascii'))
        assert ([(type(u''), name)], None, b'\x16') == (seen, error, sent[:1])
        assert [''] * len(said) == said

    @since_python3(8, 'the name of the reason')
    @pytest.mark.parametrize('name', [b'caf\xc3\xa9.test', b'\xff.test', b'abc\x80'], ids=repr)
    def test_not_ascii(self, client_context, context, name, capfd):
        """A name that is not ASCII ends the handshake by internal_error; nothing is called."""
        seen = []
        context.sni_callback = lambda sslobj, name, given: seen.append(name)
        with unraisable(capfd):  # on Python 3 it says so
            error, sent = ask_for(client_context, context, name)
        assert ([], 'CALLBACK_FAILED', b'\x02\x50') == (seen, error.reason, sent[-2:])

    @pytest.mark.skipif(not PY2, reason="Python 3's ssl reports it")
    @pytest.mark.parametrize('name', [b'\xff.test', b'xn--strae-oqa.test', b'xn--'])
    def test_odd_is_quiet(self, client_context, context, name, capfd):
        """What a stranger sends is no reason to write to stderr."""
        context.sni_callback = lambda sslobj, name, given: None
        with unraisable(capfd) as said:
            ask_for(client_context, context, name)
        assert [''] == said

    @pytest.mark.skipif(ENGINE != 'pair', reason='the others call it')
    def test_not_decoded(self, client_context, context):
        """A name that 2.7's ssl cannot decode is refused by the pair as one that is not ASCII."""
        seen = []
        context.sni_callback = lambda sslobj, name, given: seen.append(name)
        error, sent = ask_for(client_context, context, b'xn--strae-oqa.test')
        assert ([], 'CALLBACK_FAILED', b'\x02\x50') == (seen, error.reason, sent[-2:])

    def test_nul(self, client_context, context):
        """With NUL in it, it is no name: OpenSSL refuses the handshake, and calls nothing."""
        seen = []
        context.sni_callback = lambda sslobj, name, given: seen.append(name)
        error, sent = ask_for(client_context, context, b'a\0b.test')
        assert ([], True, b'\x15') == (seen, isinstance(error, ssl.SSLError), sent[:1])


class TestPlainContext(object):
    """What `sslproto27.context.set_sni_callback` does for the interpreter's own contexts."""

    def test_own_socket(self, pki, client_context, tls_version):
        """The interpreter's own sockets of such a context are handed over themselves."""
        context = pki.server_context('localhost', tls_version, cls=ssl.SSLContext)
        seen = []
        set_sni_callback(context, lambda *args: seen.append(args))
        name = u'xn--bcher-kva.test' if ENGINE == 'pair' else u'xn--fa-hia.test'
        pair = Pair(client_context, context, server_hostname=name)
        pair.client_end.handshake_is_done()
        with connection() as (ours, theirs):
            ours.sendall(pair.client_end.outgoing.read())
            ours.shutdown(socket.SHUT_WR)
            server = context.wrap_socket(theirs, server_side=True, do_handshake_on_connect=False)
            with pytest.raises(EnvironmentError):  # there is no more than a ClientHello
                server.do_handshake()
            server.close()
        assert [(True, name, True)] == [
            (sslobj is server, asked, given is context) for sslobj, asked, given in seen]

    def test_2_7s_own_is_as_it_was(self, pki, client_context, tls_version):
        """set_servername_callback, called afterwards, takes its place; and the other way round."""
        context = pki.server_context('localhost', tls_version, cls=ssl.SSLContext)
        seen = []

        def ask():
            ask_for(client_context, context, b'xn--bcher-kva.test')
        set_sni_callback(context, lambda sslobj, name, given: seen.append(('ours', name)))
        ask()
        context.set_servername_callback(lambda sslobj, name, given: seen.append(('its', name)))
        ask()
        set_sni_callback(context, lambda sslobj, name, given: seen.append(('ours', name)))
        ask()
        set_sni_callback(context, None)
        ask()
        decoded = u'b\xfccher.test' if PY2 else u'xn--bcher-kva.test'
        assert [('ours', u'xn--bcher-kva.test'), ('its', decoded),
                ('ours', u'xn--bcher-kva.test')] == seen

    def test_context_dies(self, pki):
        """A plain context, too, is collected although its callback refers to it."""
        context = pki.server_context('localhost', None, cls=ssl.SSLContext)
        set_sni_callback(context, lambda sslobj, name, given, held=context: None)
        reference = weakref.ref(context)
        del context
        gc.collect()
        assert None is reference()

    @only_graft  # the pair keeps it
    @pytest.mark.skipif(not PY2, reason="Python 3's ssl calls what is gone")
    @pytest.mark.parametrize('cls', [SSLContext, ssl.SSLContext], ids=['ours', "ssl's"])
    def test_context_that_is_gone(self, pki, client_context, tls_version, cls, capfd):
        """A callback that went with its context is not called: the handshake is refused."""
        context = pki.server_context('localhost', tls_version, cls=cls)
        set_sni_callback(context, lambda sslobj, name, given: None)
        pair = Pair(client_context, context)
        pair.server.context = pki.server_context('localhost', tls_version, cls=cls)
        del context
        gc.collect()
        with unraisable(capfd) as said:
            errors = pair.try_handshake()
        assert ['TLSV1_ALERT_INTERNAL_ERROR', 'CALLBACK_FAILED'] == [
            error.reason for error in errors]
        assert [''] == said

    @pytest.mark.parametrize('wrong', [1, 'callback', object()], ids=repr)
    def test_wrong_type(self, wrong):
        """What cannot be called is refused with TypeError."""
        with pytest.raises(TypeError):
            set_sni_callback(new_context(server_side=True, cls=SSLContext), wrong)


@needs('sni_callback')
class TestAttribute(object):
    """sni_callback of sslproto27's own contexts."""

    @pytest.fixture
    def context(self, pki, tls_version):
        """A server's context of ours."""
        return pki.server_context('idna', tls_version, cls=SSLContext)

    def test_idna_name(self, client_context, context):
        """The name comes as an A-label, in ASCII."""
        seen = []
        context.sni_callback = lambda sslobj, name, given: seen.append((name, given is context))
        connect(client_context, context, server_hostname=u'b\xfccher.example.org')
        assert [(u'xn--bcher-kva.example.org', True)] == seen

    def test_reads_back(self, context):
        """It reads back; None takes it away."""
        def callback(sslobj, name, given):
            raise AssertionError('never called')
        seen = [context.sni_callback]
        for value in (callback, None):
            context.sni_callback = value
            seen.append(context.sni_callback)
        assert [None, callback, None] == seen

    def test_taken_away(self, client_context, context):
        """Once taken away it is not called any more."""
        calls = []
        context.sni_callback = lambda *args: calls.append(args)
        context.sni_callback = None
        connect(client_context, context, server_hostname=u'b\xfccher.example.org')
        assert [] == calls

    def test_as_unicode(self, client_context, context):
        """set_servername_callback is the same, but that on 2.7 the name comes in U-labels."""
        seen = []
        context.set_servername_callback(
            lambda sslobj, name, given: seen.append((name, given is context)))
        assert context.sni_callback is not None
        connect(client_context, context, server_hostname=u'b\xfccher.example.org')
        context.set_servername_callback(None)
        assert None is context.sni_callback
        connect(client_context, context, server_hostname=u'b\xfccher.example.org')
        name = u'b\xfccher.example.org' if PY2 else 'xn--bcher-kva.example.org'
        assert [(name, True)] == seen

    @pytest.mark.parametrize('wrong', [1, 'callback', object()], ids=repr)
    def test_wrong_type(self, context, wrong):
        """What cannot be called is refused with TypeError."""
        with pytest.raises(TypeError):
            context.sni_callback = wrong

    def test_context_dies(self):
        """A context that its callback refers to is collected all the same."""
        context = new_context(server_side=True, cls=SSLContext)
        context.sni_callback = lambda sslobj, name, given, held=context: None
        reference = weakref.ref(context)
        del context
        gc.collect()
        assert None is reference()
