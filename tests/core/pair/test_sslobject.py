"""
The pair engine itself, whichever is in use: TLS objects on one socket pair that is always empty.

What MemoryBIO, SSLObject, contexts and all above do on it is shown by their own tests, which run
with SSLPROTO27_ENGINE=pair as well.
"""
from __future__ import absolute_import, division, print_function

import errno
import functools
import random
import signal
import socket
import ssl
import struct

import pytest

from tests.support.memory import PY2, byte_by_byte, error_facts, raised
from tests.support.pipe_pairs import PYPY, native_call, pattern, record_types

if not PY2:
    pytest.skip("Python 3's ssl has memory BIOs", allow_module_level=True)

from sslproto27._core.pair import sslobject as engine  # noqa: E402
from sslproto27._core.engine import current, pair as sockets  # noqa: E402
from sslproto27._core.constants import (  # noqa: E402
    OP_ALLOW_CLIENT_RENEGOTIATION, OP_NO_RENEGOTIATION)
from sslproto27._core.errors import SSLCertVerificationError  # noqa: E402
from sslproto27._core.records import HEADER_SIZE, kind_and_size  # noqa: E402
from tests.support.pair_engine import (  # noqa: E402
    KINDS, Ends, Interrupted, in_thread, is_empty, wrap)
from tests.support.recursion import near_limit, runs_finally  # noqa: E402

pytestmark = pytest.mark.usefixtures('watched', 'fresh')

CLOSE_NOTIFY_SIZE = 31  # of TLS 1.2 with AES-GCM; TLS 1.3's is shorter


class TestRecords(object):
    """One record at a time is given to OpenSSL."""

    def test_only_what_is_needed(self, ends):
        """A read takes one record out of the incoming BIO, however many are there."""
        for data in (b'one', b'two', b'three'):
            ends.client.write(data)
        records = ends.client_end.outgoing.read()
        ends.server_end.incoming.write(records)
        assert b'one' == ends.server.read(100)
        assert 2 == len(record_types(records[-ends.server_end.incoming.pending:]))

    def test_pending_comes_first(self, ends):
        """While a record is read in parts nothing more is taken out of the incoming BIO."""
        ends.client.write(b'abcdef')
        ends.client.write(b'g')
        ends.server_end.incoming.write(ends.client_end.outgoing.read())
        assert b'ab' == ends.server.read(2)
        before = ends.server_end.incoming.pending
        assert (b'cdef', before) == (ends.server.read(100), ends.server_end.incoming.pending)

    def test_part_of_a_record(self, ends):
        """As with OpenSSL's own BIOs, the incoming one is empty after a read that wants more."""
        ends.client.write(b'abc')
        data = ends.client_end.outgoing.read()
        ends.server_end.incoming.write(data[:-1])
        assert ssl.SSLWantReadError is type(raised(ends.server.read))
        assert 0 == ends.server_end.incoming.pending
        ends.server_end.incoming.write(data[-1:])
        assert b'abc' == ends.server.read()

    def test_linear(self, ends):
        """Records that come byte by byte are put together, and each of their bytes moved once."""
        ends.client.write(pattern(60000))
        received = []
        for byte in byte_by_byte(ends.client_end.outgoing.read()):
            ends.server_end.incoming.write(byte)
            received.append(ends.server_end.read_available())
            assert len(ends.server._partial) <= 16384 + 300  # one record at most
        assert pattern(60000) == b''.join(received)

    @pytest.mark.parametrize('junk', [b'GET / HTTP/1.1\r\nHost: a\r\n\r\n', b'\0' * 50,
                                      b'\xff' * 5000, b'\x16\x03\x01\xff\xff' + b'x' * 3000])
    def test_no_tls(self, junk, server_context):
        """What is no TLS record fails at once with OpenSSL's own error; the rest stays."""
        end = wrap(server_context, server_side=True)
        end.incoming.write(junk)
        error = raised(end.sslobj.do_handshake)
        assert ssl.SSLError is type(error) and error.reason
        assert junk.endswith(end.incoming.read())

    def test_sslv2_hello(self, server_context):
        """A SSLv2 ClientHello has a framing of its own, and is refused by OpenSSL."""
        hello = b'\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10' + b'\x07\x00\xc0' * 7 + b'r' * 16
        end = wrap(server_context, server_side=True)
        for byte in byte_by_byte(hello)[:-1]:
            end.incoming.write(byte)
            assert ssl.SSLWantReadError is type(raised(end.sslobj.do_handshake))
        end.incoming.write(hello[-1:] + b'what follows')
        assert ssl.SSLError is type(raised(end.sslobj.do_handshake))
        assert b'what follows' == end.incoming.read()


class TestEnds(object):
    """EOF is never told to OpenSSL: SSLEOFError is ours, in every phase."""

    def test_handshake(self, client_context, server_context):
        """In every flight of the handshake."""
        for flights in range(4):
            ends = Ends(client_context, server_context)
            for flight in range(flights):
                end, other = [ends.client_end, ends.server_end][::1 if flight % 2 == 0 else -1]
                end.handshake_is_done()
                other.incoming.write(end.outgoing.read())
            end = [ends.client_end, ends.server_end][flights % 2]
            done = end.handshake_is_done()
            end.incoming.write_eof()
            error = raised(end.sslobj.read if done else end.sslobj.do_handshake)
            assert ssl.SSLEOFError is type(error), flights

    def test_read_and_unwrap(self, ends):
        """In a read, and where close_notify is waited for; data from before comes first."""
        ends.client.write(b'abc')
        ends.pump()
        for end in (ends.client_end, ends.server_end):
            end.incoming.write_eof()
        assert b'abc' == ends.server.read()
        assert ssl.SSLEOFError is type(raised(ends.server.read))
        assert ssl.SSLEOFError is type(raised(ends.client.unwrap))

    def test_in_a_record(self, ends):
        """Within a record."""
        ends.client.write(b'abc')
        ends.server_end.incoming.write(ends.client_end.outgoing.read()[:-3])
        ends.server_end.incoming.write_eof()
        assert ssl.SSLEOFError is type(raised(ends.server.read))

    def test_what_was_written_before_is_there(self, ends):
        """What was encrypted before the peer's EOF can still be sent."""
        ends.server.write(b'late')
        ends.server_end.incoming.write_eof()
        raised(ends.server.read)
        ends.client_end.incoming.write(ends.server_end.outgoing.read())
        assert b'late' == ends.client.read()


class TestNested(object):
    """One operation in the middle of another."""

    def test_in_a_server_name_callback(self, kind, pki, tls_version, ends):
        """A whole connection in a callback of another's handshake: both work."""
        results = []

        def on_name(sslobj, name, context):
            results.append(ends.transfer(ends.client_end, pattern(40000)) == pattern(40000))
            inner = Ends(pki.client_context(version=tls_version),
                         pki.server_context(version=tls_version)).handshake().exchange()
            results.append(inner.transfer(inner.server_end, b'inner'))

        context = pki.server_context(version=tls_version)
        context.set_servername_callback(on_name)
        outer = Ends(pki.client_context(version=tls_version), context).handshake().exchange()
        assert [True, b'inner'] == results
        assert b'outer' == outer.transfer(outer.client_end, b'outer')

    @pytest.mark.parametrize('use', [
        lambda sslobj: sslobj.do_handshake(), lambda sslobj: sslobj.read(1),
        lambda sslobj: sslobj.write(b'x'), lambda sslobj: sslobj.unwrap()])
    def test_same_object(self, pki, use):
        """Entering the object whose callback runs is a RuntimeError, and it goes on unharmed."""
        errors = []
        context = pki.server_context()
        context.set_servername_callback(lambda sslobj, *_: errors.append(raised(use, sslobj)))
        ends = Ends(pki.client_context(), context).handshake().exchange()
        assert [RuntimeError] == [type(error) for error in errors]
        assert b'x' == ends.transfer(ends.client_end, b'x')

    @pytest.mark.parametrize('kept', [True, False])
    def test_same_object_two_deep(self, pki, kept):
        """So is entering it from the callback of an object that is used in its own callback."""
        errors, outer = [], []

        def on_inner(*_):
            errors.append(raised(outer[0].read, 1))

        def on_outer(sslobj, *_):
            outer.append(sslobj)
            context = pki.server_context()
            context.set_servername_callback(on_inner)
            Ends(pki.client_context(), context).handshake()

        context = pki.server_context()
        context.set_servername_callback(on_outer)
        Ends(pki.client_context(), context).handshake()
        assert [RuntimeError] == [type(error) for error in errors]

    @pytest.mark.skipif(PYPY, reason='PyPy calls __del__ when its collector runs')
    def test_in_del(self, ends, pki, monkeypatch):
        """An object's __del__ that uses TLS runs between any two steps of another operation."""
        results = []
        other = Ends(pki.client_context(), pki.server_context()).handshake().exchange()

        class Leaf(object):
            def __del__(self):
                results.append(other.transfer(other.client_end, b'from __del__'))

        push = sockets.Pair.push

        def push_and_forget(self, data):
            sent = push(self, data)
            if not results:
                monkeypatch.undo()
                Leaf()  # gone at once, while a record is in the pair
            return sent

        ends.client.write(b'abc')
        ends.pump()
        monkeypatch.setattr(sockets.Pair, 'push', push_and_forget)
        assert (b'abc', [b'from __del__']) == (ends.server.read(), results)

    def test_between_steps(self, kind, client_context, server_context, monkeypatch):
        """Wherever between two steps another object is used, nothing of either is lost."""
        other = Ends(client_context, server_context).handshake().exchange()
        chance, busy, nested = random.Random(1), [], []

        def followed(method):
            def call(self, *args):
                done = method(self, *args)
                # Not each time: what is pushed, and taken out by others at once, is never read.
                if not busy and chance.random() < 0.5:
                    busy.append(True)
                    nested.append(other.transfer(other.client_end, b'other'))
                    busy.pop()
                return done
            return call

        for name in ('push', 'drain', 'read_back'):
            monkeypatch.setattr(KINDS[kind], name, followed(getattr(KINDS[kind], name)))
        for _ in range(5):
            ends = Ends(client_context, server_context).handshake().exchange()
            assert pattern(50000) == ends.transfer(ends.client_end, pattern(50000))
            ends.shut_down()
        assert {b'other'} == set(nested) and len(nested) > 50


@pytest.mark.skipif(not hasattr(signal, 'setitimer'), reason='this system has no setitimer')
class TestSignals(object):
    def test_handler_that_uses_tls(self, kind, alarm, ends, client_context, server_context):
        """A handler that talks through another object harms nobody, wherever it comes."""
        other, results = Ends(client_context, server_context).handshake().exchange(), []

        def handler(*_):
            results.append(other.transfer(other.client_end, b'in the handler'))

        alarm(handler)
        chance, data = random.Random(1), pattern(30000)
        while len(results) < 100:
            before = len(results)
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00002, 0.001))
            while len(results) == before:
                assert data == ends.transfer(ends.client_end, data)
        assert {b'in the handler'} == set(results)

    def test_handler_that_raises(self, kind, alarm, pki):
        """
        A handler that raises breaks at most the object that it comes to: that says so from then on,
        no other notices, and no thread waits for it.
        """
        def handler(*_):
            raise Interrupted

        contexts = pki.client_context(), pki.server_context()
        other = Ends(*contexts).handshake().exchange()
        alarm(handler)
        chance, hits, broken = random.Random(1), 0, 0
        while hits < 300:
            ends = Ends(*contexts).handshake().exchange()
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00002, 0.001))
                for _ in range(300):  # it may come in a __del__, which swallows it
                    ends.transfer(ends.client_end, b'x' * 20000)
            except Interrupted:
                hits += 1
            except ssl.SSLError:
                raise AssertionError('broken without an interruption')
            assert b'fine' == other.transfer(other.client_end, b'fine')
            try:
                ends.client.write(b'more')
            except ssl.SSLError as error:
                broken += 1
                assert 'cut short' in str(error)
            if hits % 50 == 0:
                in_thread(lambda: other.transfer(other.server_end, b'x'))
        assert broken

    @pytest.mark.parametrize('cls', [ssl.SSLError, ssl.SSLWantReadError, ssl.SSLEOFError,
                                     ssl.SSLZeroReturnError, socket.error, RuntimeError])
    def test_handler_that_raises_as_tls_does(self, kind, alarm, pki, cls):
        """Whatever a handler raises comes out: it is never taken for the native object's."""
        mine, came = cls(errno.EAGAIN, 'of the handler'), []

        def handler(*_):
            came.append(True)
            raise mine

        contexts = pki.client_context(), pki.server_context()
        ends = Ends(*contexts).handshake().exchange()
        alarm(handler)
        chance, data, hits, lost = random.Random(1), b'x' * 60000, 0, 0
        while hits < 25:
            del came[:]
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00003, 0.0005))
                ends.client.write(data)
                ends.pump()
                while not came:
                    received = 0
                    while received < len(data):
                        received += len(ends.server.read(len(data)))
                    ends.client.write(data)
                    ends.pump()
            except cls as error:
                assert error is mine
                hits += 1
                ends = Ends(*contexts).handshake().exchange()
            else:
                lost += 1
        assert lost < 3  # it may come in a __del__, which swallows it

    @pytest.mark.parametrize('one_step', ['receive_records', 'send_small'])
    def test_in_one_step(self, ends, monkeypatch, one_step):
        """The shortcuts of pipes let it out, too."""
        mine = ssl.SSLError('of a handler')

        def cut(*_):
            raise mine

        client = ends.client_end
        monkeypatch.setattr(sockets.Pair, 'drain', cut)
        monkeypatch.setattr(sockets.Pair, 'push', cut)
        steps = {'receive_records': lambda: client.sslobj.receive_records(
                     client.incoming, b'\x17\3\3\0\1x', []),
                 'send_small': lambda: client.sslobj.send_small(client.outgoing, b'x')}
        assert mine is raised(steps[one_step])

    def test_interrupted_object_stays_so(self, ends, monkeypatch):
        """What was cut short raises the same error from then on, and leaves nothing behind."""
        def cut(self, *args):
            self.outer.send(b'junk')
            raise Interrupted

        ends.client.write(b'abc')
        ends.pump()
        monkeypatch.setattr(sockets.Pair, 'push', cut)
        assert Interrupted is type(raised(ends.server.read))
        monkeypatch.undo()
        errors = [raised(call) for call in (
            ends.server.read, ends.server.unwrap, lambda: ends.server.write(b'x'))]
        assert [ssl.SSLError] * 3 == [type(error) for error in errors]
        assert is_empty(current.current_pair())


@runs_finally
class TestRecursionLimit(object):
    """An operation that comes to the recursion limit harms at most its own object."""

    @pytest.mark.parametrize('is_inner', [False, True], ids=['alone', 'in a callback'])
    def test_others_go_on(self, pki, is_inner):
        """Wherever it comes to it, all other objects work as before, in this and other threads."""
        contexts, reached = (pki.client_context(), pki.server_context()), []
        other = Ends(*contexts).handshake().exchange()
        all_ends = [Ends(*contexts).handshake().exchange() for _ in range(60)]

        def write(*_):
            reached.append(near_limit(
                [functools.partial(ends.client.write, b'x' * 100) for ends in all_ends]))

        if is_inner:
            server_context = pki.server_context()
            server_context.set_servername_callback(write)
            unless_cut_short(Ends(contexts[0], server_context).handshake)
        else:
            write()
        assert 3 < reached[0] < 60
        for run in in_thread, lambda call: call():
            assert b'fine' == run(lambda: other.transfer(other.client_end, b'fine'))
        for ends in all_ends:
            unless_cut_short(lambda: ends.client.write(b'more'))


def unless_cut_short(call):
    """Call *call*; that may break, and then has to say so."""
    try:
        call()
    except ssl.SSLError as error:
        assert 'cut short' in str(error)


@pytest.fixture
def asked(pki):
    """A client that has checked its server's name; the server wants a new handshake."""
    server = pki.server_context('localhost', version='TLSv1.2')
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(pki.path('ca'))
    ends = Ends(pki.client_context(version='TLSv1.2', leaf='client'), server)
    ends.handshake().exchange()
    ends.server.context = pki.server_context('other', version='TLSv1.2')
    native_call(ends.server, 'SSL_renegotiate')
    native_call(ends.server, 'SSL_do_handshake')
    ends.server.write(b'')
    ends.pump()
    return ends


class TestRenegotiation(object):
    def test_refused_by_a_server(self, pki, monkeypatch):
        """
        A TLS 1.2 server that OpenSSL does not keep from it refuses a new handshake, with
        close_notify.
        """
        monkeypatch.setattr(ssl, 'OPENSSL_VERSION_INFO', (1, 0, 2, 0, 0))
        ends = Ends(pki.client_context(version='TLSv1.2'),
                    pki.server_context(version='TLSv1.2')).handshake().exchange()
        engine.refuse_renegotiation(ends.server)
        native_call(ends.client, 'SSL_renegotiate')
        ends.client.write(b'')
        raised(ends.client.do_handshake)
        ends.pump()
        error = raised(ends.server.read)
        assert (ssl.SSLError, 1, 'SSL', 'NO_RENEGOTIATION') == error_facts(error)
        sent = ends.server_end.outgoing.read()
        assert [21] == record_types(sent)
        assert CLOSE_NOTIFY_SIZE == len(sent)
        assert error is raised(ends.server.read)

    @pytest.mark.parametrize('use', [lambda client: client.read(1), lambda client: client.unwrap(),
                                     lambda client: client.write(b'secret') and client.read(1)],
                             ids=['read', 'unwrap', 'write'])
    def test_refused_by_a_client(self, asked, use):
        """A client that checks names sends no second ClientHello, and says why it ends."""
        error = raised(use, asked.client)
        assert (ssl.SSLError, 1, 'SSL', 'NO_RENEGOTIATION') == error_facts(error)
        assert 'cannot check its name in time' in str(error)
        assert set(record_types(asked.client_end.outgoing.read())) <= set([21, 23])
        assert error is raised(asked.client.write, b'secret')
        assert b'' == asked.client_end.outgoing.read()

    def test_that_came_with_the_first_handshake(self, pki):
        """If OpenSSL has begun it by itself, the server's answer is refused."""
        server = pki.server_context(version='TLSv1.2')
        server.options |= OP_ALLOW_CLIENT_RENEGOTIATION
        ends = Ends(pki.client_context(version='TLSv1.2'), server).handshake().exchange()
        native_call(ends.client, 'SSL_renegotiate')
        ends.client._refuses_renegotiation = True
        raised(ends.client.write, b'secret')
        ends.pump()
        raised(ends.server.read)
        ends.pump()
        error = raised(ends.client.write, b'secret')
        assert 'NO_RENEGOTIATION' == error.reason
        assert b'' == ends.client_end.outgoing.read()

    def test_openssl_declines(self, pki):
        """With OP_NO_RENEGOTIATION OpenSSL itself declines it, and the connection goes on."""
        context = pki.client_context(version='TLSv1.2')
        context.options |= OP_NO_RENEGOTIATION
        ends = Ends(context, pki.server_context(version='TLSv1.2')).handshake().exchange()
        assert not ends.client._refuses_renegotiation


class TestNotTLS(object):
    """
    OpenSSL before 1.1 ignores records of unknown types. Whatever comes behind one, which we would
    not see, never reaches OpenSSL: we end the connection.
    """

    UNKNOWN = b'\x19\3\3\0\1x'

    @pytest.fixture(autouse=True)
    def lenient(self, monkeypatch):
        """An OpenSSL that ignores them: in its place, the pair does."""
        push = sockets.Pair.push

        def skip(pair, data):
            data = bytes(data)
            if not data.startswith(self.UNKNOWN):
                return push(pair, data)
            size = len(self.UNKNOWN)
            return size + (push(pair, data[size:]) if data[size:] else 0)

        monkeypatch.setattr(sockets.Pair, 'push', skip)

    def put_before(self, end):
        """Let an unknown record come before what an `Endpoint` has not read yet."""
        end.incoming.write(self.UNKNOWN + end.incoming.read())

    def assert_refused(self, end, error):
        """It has said so, sent nothing but an alert in the handshake, and stays so."""
        assert 'UNEXPECTED_RECORD' == error.reason
        assert record_types(end.outgoing.read()) in ([21], [])
        assert error is raised(end.sslobj.do_handshake)

    @pytest.mark.parametrize('name', ['localhost', 'other.example', None])
    @pytest.mark.parametrize('split', [False, True], ids=['whole', 'byte by byte'])
    def test_before_the_certificate(self, pki, tls_version, name, split):
        """A client sends no certificate, whether or not it is the right server."""
        server = pki.server_context(version=tls_version)
        server.verify_mode = ssl.CERT_REQUIRED
        server.load_verify_locations(pki.path('ca'))
        context = pki.client_context(version=tls_version, leaf='client')
        context.check_hostname = name is not None
        ends = Ends(context, server, server_hostname=name)
        client = ends.client_end
        raised(ends.client.do_handshake)
        ends.pump()
        raised(ends.server.do_handshake)
        ends.pump()
        self.put_before(client)
        if split:
            data, error = client.incoming.read(), None
            for byte in byte_by_byte(data):
                client.incoming.write(byte)
                error = raised(ends.client.do_handshake)
        else:
            error = raised(ends.client.do_handshake)
        self.assert_refused(client, error)

    def test_before_a_client_hello(self, pki):
        """A server looks at no name that it cannot see."""
        ends = Ends(pki.client_context(), pki.server_context())
        raised(ends.client.do_handshake)
        ends.pump()
        self.put_before(ends.server_end)
        self.assert_refused(ends.server_end, raised(ends.server.do_handshake))

    def test_before_a_renegotiation(self, asked):
        """A client that refuses a second handshake does so behind one, too."""
        self.put_before(asked.client_end)
        self.assert_refused(asked.client_end, raised(asked.client.read))

    def test_within_data(self, ends):
        """So it is in the middle of data: what came before can be read."""
        ends.server.write(b'before')
        ends.pump()
        ends.client_end.incoming.write(self.UNKNOWN)
        ends.server.write(b'behind')
        ends.pump()
        assert b'before' == ends.client.read()
        self.assert_refused(ends.client_end, raised(ends.client.read))


def record(kind, content):
    """Return a record of TLS 1.2."""
    return struct.pack('>BHH', kind, 0x303, len(content)) + content


class TestNames(object):
    """The server's name is checked before anything that counts is sent."""

    def handshake_with(self, pki, tls_version, name):
        """Shake hands; return what it ends in."""
        return Ends(pki.client_context(version=tls_version),
                    pki.server_context(version=tls_version), server_hostname=name).try_handshake()

    def test_wrong_name(self, pki, tls_version):
        """A certificate for another name is refused with the words of OpenSSL."""
        errors = self.handshake_with(pki, tls_version, 'other.example')
        assert SSLCertVerificationError is type(errors[0])
        assert (62, "Hostname mismatch, certificate is not valid for 'other.example'.") == (
            errors[0].verify_code, errors[0].verify_message)
        assert 'SSLV3_ALERT_BAD_CERTIFICATE' == errors[1].reason

    def test_wrong_address(self, pki, tls_version):
        """So is one for another address."""
        errors = self.handshake_with(pki, tls_version, '127.0.0.9')
        assert (64, "IP address mismatch, certificate is not valid for '127.0.0.9'.") == (
            errors[0].verify_code, errors[0].verify_message)

    @pytest.mark.parametrize('asked', [False, True], ids=['anonymous', 'asked for a certificate'])
    def test_nothing_leaves(self, pki, tls_version, asked):
        """After a wrong name the client sends one alert, in clear: no certificate, no Finished."""
        client = pki.client_context(version=tls_version, leaf='client')
        server = pki.server_context(version=tls_version)
        if asked:
            server.verify_mode = ssl.CERT_REQUIRED
            server.load_verify_locations(pki.path('ca'))
        ends = Ends(client, server, server_hostname='other.example')
        raised(ends.client.do_handshake)
        ends.pump()
        raised(ends.server.do_handshake)
        ends.server_end.incoming.write(b'')
        ends.client_end.incoming.write(ends.server_end.outgoing.read())
        raised(ends.client.do_handshake)
        assert b'\x15\x03\x03\x00\x02\x02\x2a' == ends.client_end.outgoing.read()
        assert SSLCertVerificationError is type(raised(ends.client.write, b'secret'))
        assert b'' == ends.client_end.outgoing.read()

    @pytest.fixture
    def flight(self, pki):
        """A client with a certificate, which a server of another name asks for; its messages."""
        server = pki.server_context(version='TLSv1.2')
        server.verify_mode = ssl.CERT_REQUIRED
        server.load_verify_locations(pki.path('ca'))
        ends = Ends(pki.client_context(version='TLSv1.2', leaf='client'), server,
                    server_hostname='other.example')
        raised(ends.client.do_handshake)
        ends.pump()
        raised(ends.server.do_handshake)
        data, messages = ends.server_end.outgoing.read(), []
        while data:
            size = kind_and_size(data)[1]
            messages.append(data[HEADER_SIZE:size])
            data = data[size:]
        assert [2, 11, 12, 13, 14] == [ord(message[:1]) for message in messages]
        return ends, messages

    def assert_nothing_leaves(self, ends, records):
        """Whatever the client gets, an alert is all that leaves."""
        ends.client_end.incoming.write(b''.join(records))
        assert isinstance(raised(ends.client.do_handshake), ssl.SSLError)
        assert [21] == record_types(ends.client_end.outgoing.read())

    @pytest.mark.parametrize('kind', range(20, 25))
    @pytest.mark.parametrize('place', range(3))
    def test_empty_record(self, flight, kind, place):
        """A record without content, which OpenSSL may ignore, hides no certificate."""
        ends, messages = flight
        records = [record(22, message) for message in messages]
        records.insert(place, record(kind, b''))
        self.assert_nothing_leaves(ends, records)

    @pytest.mark.parametrize('more', [
        b'\x0e\0\0\0', b'\x63\0\0\0', b'\x14\0\0\x0c' + b'x' * 12, b'\4\xff\xff\xff',
        b'\4\0\0\2xx', b'\4\0', b''])
    def test_messages_in_one_record(self, flight, more):
        """What OpenSSL writes before it finds a wrong message behind the flight stays here."""
        ends, messages = flight
        self.assert_nothing_leaves(ends, [record(22, b''.join(messages) + more)])

    def test_chain_comes_first(self, pki, client_context, tls_version):
        """Where neither the chain nor the name is right, it is the chain that is complained of."""
        ends = Ends(client_context, pki.server_context('stranger', version=tls_version),
                    server_hostname='other.example')
        client, server = ends.try_handshake()
        assert 'mismatch' not in str(client)
        assert 'TLSV1_ALERT_UNKNOWN_CA' == server.reason

    def test_certificate_in_pieces(self, pki, tls_version):
        """However the server's flight is split, the certificate is found in it."""
        ends = Ends(pki.client_context(version=tls_version),
                    pki.server_context(version=tls_version), split=byte_by_byte,
                    server_hostname='other.example')
        assert SSLCertVerificationError is type(ends.try_handshake()[0])
