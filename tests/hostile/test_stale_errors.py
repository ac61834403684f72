"""Errors that other code left in OpenSSL's queue are nobody's."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import SSLContext, TLSVersion, context
from tests.support.engines import ENGINE, not_in_pair
from tests.support.hostile import enough_of, questions
from tests.support.memory import PY2, MemoryBIO, Pair, connect, raised
from tests.support.pipe_pairs import PipePair, clear_errors, leave_an_error

pytestmark = pytest.mark.skipif(not PY2, reason="the safety of Python 3's own ssl is not ours")

if PY2:
    from sslproto27._core.engine import binding
    lib = binding.lib


def leave(what):
    """Return a function that leaves an error in OpenSSL's queue, as anybody who shares it may."""
    def leave_junk():
        if ENGINE == 'pair':
            leave_an_error()
            return
        bio = MemoryBIO()
        bio.write(b'no list')
        lib.d2i_X509_CRL_bio(bio._bio, binding.NULL)

    def leave_eof():
        end = Pair(ssl.SSLContext(ssl.PROTOCOL_SSLv23), ssl.SSLContext(ssl.PROTOCOL_SSLv23),
                   server_hostname=None).client_end
        if what == 'eof':
            end.incoming.write_eof()
        else:
            end.incoming.write(b'no record at all')
        lib.SSL_do_handshake(end.sslobj._ssl)
    return {'asn1': leave_junk}.get(what, leave_eof)


class Scenes(object):
    """Connections in each state, made anew for each question."""

    def __init__(self, client_context, server_context):
        self.contexts = client_context, server_context

    def new(self):
        return Pair(*self.contexts)

    def begun(self):
        pair = self.new()
        pair.client_end.handshake_is_done()
        pair.pump()
        return pair

    def handshake_cut(self):
        pair = self.begun()
        for end in (pair.client_end, pair.server_end):
            end.incoming.write_eof()
        return pair

    def handshake_junk(self):
        pair = self.new()
        pair.client_end.handshake_is_done()
        for end in (pair.client_end, pair.server_end):
            end.incoming.write(b'no record at all')
        return pair

    def handshake_failed(self):
        pair = self.handshake_junk()
        for end in (pair.client_end, pair.server_end):
            raised(end.sslobj.do_handshake)
        return pair

    def open(self):
        return self.new().handshake().exchange()

    def data(self):
        pair = self.open()
        for end in (pair.client_end, pair.server_end):
            end.sslobj.write(b'x' * 3000)
        pair.pump()
        return pair

    def part(self):
        pair = self.open()
        for end, other in ((pair.client_end, pair.server_end), (pair.server_end, pair.client_end)):
            end.sslobj.write(b'x' * 300)
            other.incoming.write(end.outgoing.read()[:-1])
        return pair

    def one_closes(self):
        pair = self.open()
        raised(pair.client.unwrap)
        pair.pump()
        return pair

    def closed(self):
        pair = self.open()
        pair.shut_down()
        return pair

    def cut(self):
        pair = self.open()
        for end in (pair.client_end, pair.server_end):
            end.incoming.write_eof()
        return pair

    def cut_and_read(self):
        pair = self.cut()
        for end in (pair.client_end, pair.server_end):
            raised(end.sslobj.read)
        return pair

    def junk(self):
        pair = self.open()
        for end in (pair.client_end, pair.server_end):
            end.incoming.write(b'no record at all')
        return pair

    def junk_and_read(self):
        pair = self.junk()
        for end in (pair.client_end, pair.server_end):
            raised(end.sslobj.read)
        return pair

    def alert(self):
        pair = self.open()
        pair.server_end.incoming.write(b'no record at all')
        raised(pair.server.read)
        pair.pump()
        return pair

    def alert_and_read(self):
        pair = self.alert()
        raised(pair.client.read)
        return pair

    def in_flight(self):
        pair = self.open()
        pair.client.write(b'in flight')
        raised(pair.server.unwrap)
        pair.pump()
        return pair


SCENES = [name for name in sorted(vars(Scenes)) if name[0] != '_']


def outcome(call, *args):
    """Return what can be compared of a call's result or exception."""
    try:
        result = call(*args)
    except Exception as error:
        return (type(error), error.args, getattr(error, 'library', None),
                getattr(error, 'reason', None))
    if isinstance(result, (bytes, type(u''))):
        return type(result), len(result)  # keys and nonces differ
    if isinstance(result, (list, tuple)):
        return type(result), len(result)
    return result if isinstance(result, (bool, int, dict, type(None))) else type(result)


@pytest.fixture(params=['asn1', 'eof', 'junk'])
def stale(request):
    """Leaves each kind of error; what is there after it is checked."""
    def leave_one():
        leave(request.param)()
        assert ENGINE == 'pair' or 0 != lib.ERR_peek_last_error()
    if ENGINE == 'pair' and request.param != 'asn1':
        pytest.skip("2.7's ssl empties the queue after its own failures")
    if request.param == 'eof' and ssl.OPENSSL_VERSION_INFO < (3,):
        pytest.skip('before 3.0 an EOF leaves no error')
    return leave_one


class TestStaleErrors(object):
    """No result depends on what the queue held before."""

    @pytest.mark.parametrize('side', ['client', 'server'])
    @pytest.mark.parametrize('scene', enough_of(SCENES))
    def test_ssl_object(self, client_context, server_context, stale, scene, side):
        """Each member of an SSLObject answers, in each state, as with an empty queue."""
        scenes = Scenes(client_context, server_context)
        differing = []
        for label, ask in questions(getattr(scenes.new(), side), 'SSLObject'):
            answers = []
            for disturb in (clear_errors, stale):
                pair = getattr(scenes, scene)()
                one = getattr(pair, side)
                disturb()
                first = outcome(ask, one)
                disturb()  # and what then comes of it
                answers.append((first, outcome(one.read, 10)))
            if answers[0] != answers[1]:
                differing.append((label, answers))
        clear_errors()
        assert [] == differing

    @pytest.mark.parametrize('feed', ['nothing', 'data', 'close', 'junk', 'cut record'])
    def test_pipe(self, client_context, server_context, stale, feed):
        """Each member of an SSLPipe answers as with an empty queue, whatever has come."""
        def one(disturb, ask):
            pair = PipePair(client_context, server_context).handshake()
            if feed in ('data', 'cut record'):
                pair.client.feed_appdata(b'x' * 20)
            if feed == 'close':
                pair.client.shutdown()
            data = {'nothing': b'', 'junk': b'no record at all'}.get(feed)
            if data is None:
                data = pair.client.data_to_send()
            if feed == 'cut record':
                data = data[:-5]
            disturb()
            seen = [outcome(pair.server.feed_ssldata, data)]
            for call in (ask, lambda pipe: pipe.data_to_send(), lambda pipe: pipe.state,
                         lambda pipe: pipe.appdata_received()):
                disturb()
                seen.append(outcome(call, pair.server))
            return seen
        differing = []
        for label, ask in questions(PipePair(client_context, server_context).server, 'SSLPipe'):
            answers = [one(disturb, ask) for disturb in (clear_errors, stale)]
            if answers[0] != answers[1]:
                differing.append((label, answers))
        clear_errors()
        assert [] == differing

    def test_memory_bio(self, stale):
        """Each member of a MemoryBIO answers as with an empty queue."""
        differing = []
        for label, ask in questions(MemoryBIO(), 'MemoryBIO'):
            for prepare in (lambda bio: None, lambda bio: bio.write(b'abc'),
                            lambda bio: bio.write_eof()):
                answers = []
                for disturb in (clear_errors, stale):
                    bio = MemoryBIO()
                    prepare(bio)
                    disturb()
                    answers.append(outcome(ask, bio))
                if answers[0] != answers[1]:
                    differing.append((label, answers))
        clear_errors()
        assert [] == differing

    def test_context(self, pki, stale):
        """Settings of a context are made and refused as with an empty queue."""
        pem = open(pki.path('localhost'), 'rb').read()
        calls = [
            lambda made: context.set_minimum_version(made, TLSVersion.TLSv1_2),
            lambda made: context.set_minimum_version(made, 0x999),
            lambda made: context.set_ciphersuites(made, 'TLS_AES_128_GCM_SHA256'),
            lambda made: context.set_ciphersuites(made, 'NO_SUCH'),
            lambda made: context.set_num_tickets(made, 3),
            lambda made: context.load_cert_chain_pem(made, pem),
            lambda made: context.load_cert_chain_pem(made, b'no certificate'),
            lambda made: context.load_cert_chain_pem(made, pem[:-200]),
            lambda made: context.load_crl(made, b'no list'),
            lambda made: context.set_psk_server_callback(made, lambda given: b'', u'h' * 300),
            lambda made: context.set_psk_server_callback(made, lambda given: b'', u'hint'),
            lambda made: context.get_ciphers(made),
            lambda made: context.get_security_level(made),
            lambda made: made.load_cert_chain(pki.path('ca')),
            lambda made: made.load_cert_chain(pki.path('localhost')),
            lambda made: made.set_ciphers('NO_SUCH'),
            lambda made: made.load_verify_locations(cadata=u'no certificate'),
            lambda made: made.load_verify_locations(cafile=pki.path('ca')),
        ]
        answers = []
        for disturb in (clear_errors, stale):
            answers.append([])
            for call in calls:
                made = SSLContext()
                disturb()
                answers[-1].append(outcome(call, made))
        clear_errors()
        assert answers[0] == answers[1]

    @not_in_pair('session')
    def test_session(self, pki, stale, tls_version):
        """Sessions are copied, saved, read and used as with an empty queue."""
        from sslproto27._core.session import session_from_pem, session_to_pem
        client, server = pki.client_context(tls_version), pki.server_context(version=tls_version)
        answers = []
        for disturb in (clear_errors, stale):
            pair = connect(client, server)
            disturb()
            session = pair.client.session
            disturb()
            pem = session_to_pem(session)
            disturb()
            again = session_from_pem(pem, client, 'localhost')
            disturb()
            wrong = outcome(session_from_pem, b'no session', client, 'localhost')
            second = Pair(client, server)
            disturb()
            second.client.session = again
            disturb()
            second.handshake()
            answers.append((again == session, wrong, second.client.session_reused))
        clear_errors()
        assert answers[0] == answers[1]

    def test_left_by_a_callback(self, client_context, server_context, stale):
        """What a callback leaves in mid-handshake is nobody's failure."""
        context.set_sni_callback(server_context, lambda *args: stale())
        pair = connect(client_context, server_context)
        assert b'abc' == pair.transfer(pair.client_end, b'abc')
