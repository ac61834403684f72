"""TLSWrappedSocket: the API of a socket over buffers of any backend. Real connections."""
from __future__ import absolute_import, division, print_function

import contextlib
import errno
import select
import socket

import pytest

from sslproto27._core import blocking
from sslproto27._core.waiting import is_ready
from sslproto27.pep543 import (
    CipherSuite, NextProtocol, RaggedEOF, TLSConfiguration, TLSError, TLSVersion, TLSWrappedBuffer,
    TLSWrappedSocket, WantReadError, WantWriteError)
from tests.support.buffers import BACKENDS, Material, VERSIONS, backend_called
from tests.support.memory import PY2, raised
from tests.support.pipe_pairs import pattern
from tests.support.sockets import PATIENCE, Background, connection, read_exactly


class OnlyThePEP(TLSWrappedBuffer):
    """A buffer that has what PEP 543 gives it, and nothing else."""

    def __init__(self, buffer):
        self._call = lambda name, *args: getattr(buffer, name)(*args)

    def _of_pep(name):
        return lambda self, *args: self._call(name, *args)

    read, readinto, write = _of_pep('read'), _of_pep('readinto'), _of_pep('write')
    do_handshake, shutdown = _of_pep('do_handshake'), _of_pep('shutdown')
    cipher, negotiated_protocol = _of_pep('cipher'), _of_pep('negotiated_protocol')
    peek_outgoing, consume_outgoing = _of_pep('peek_outgoing'), _of_pep('consume_outgoing')
    context = property(lambda self: self._call('__getattribute__', 'context'))
    negotiated_tls_version = property(
        lambda self: self._call('__getattribute__', 'negotiated_tls_version'))

    def receive_from_network(self, data):
        """Backends need not be able to report a ragged end."""
        if data:
            self._call('receive_from_network', data)


@pytest.fixture(params=BACKENDS)
def material(request, pki):
    """Certificates and contexts of each backend in turn."""
    return Material(pki, backend_called(request.param))


@contextlib.contextmanager
def wrapped(client_context, server_context, name=u'localhost', wrap=None):
    """Give both ends of a connection, in TLS, before the handshake."""
    with connection() as (near, far):
        client = client_context.wrap_socket(near, name)
        server = server_context.wrap_socket(far)
        yield client, server
        client.close()
        server.close()


@contextlib.contextmanager
def shaken(client_context, server_context, **kwargs):
    """Give both ends of a connection in TLS."""
    with wrapped(client_context, server_context, **kwargs) as (client, server):
        serving = Background(server.do_handshake)
        client.do_handshake()
        serving.result()
        yield client, server


@pytest.fixture
def ends(material, tls_version):
    """Both ends, client and server, of a connection of one version of TLS."""
    version = VERSIONS[tls_version]
    settings = dict(lowest_supported_version=version, highest_supported_version=version)
    with shaken(material.client(**settings), material.server(**settings)) as both:
        yield both


class TestHandshake(object):
    def test_facts(self, ends, tls_version):
        """What was negotiated can be asked of the socket, as of its buffer."""
        for end in ends:
            assert VERSIONS[tls_version] is end.negotiated_tls_version()
            assert isinstance(end.cipher(), CipherSuite)
            assert end.negotiated_protocol() is None
            assert end.context is end.buffer.context

    def test_alpn(self, material):
        """The protocol, too."""
        settings = dict(inner_protocols=[NextProtocol.HTTP1])
        with shaken(material.client(**settings), material.server(**settings)) as (client, server):
            assert NextProtocol.HTTP1 is client.negotiated_protocol()
            assert NextProtocol.HTTP1 is server.negotiated_protocol()

    def test_wrong_name(self, material):
        """A wrong server is refused, and gets an alert."""
        with wrapped(material.client(), material.server('other')) as (client, server):
            serving = Background(server.do_handshake)
            assert 'CERTIFICATE_VERIFY_FAILED' == raised(client.do_handshake).reason
            assert type(raised(serving.result)) is TLSError

    def test_is_explicit(self, material):
        """Nothing else shakes hands: before, there is no reading and no writing."""
        with wrapped(material.client(), material.server()) as (client, _):
            for call in (lambda: client.recv(1), lambda: client.send(b'data'), client.unwrap):
                assert type(raised(call)) is RuntimeError

    def test_peer_goes(self, material):
        """A peer that closes in mid-handshake is a RaggedEOF."""
        with connection() as (near, far):
            far.close()
            client = material.client().wrap_socket(near, u'localhost')
            error = raised(client.do_handshake)
            assert isinstance(error, RaggedEOF) or error.errno in (errno.ECONNRESET, errno.EPIPE)

    def test_connect_and_accept(self, material):
        """A socket may be wrapped before it is connected, and one that listens; accept() wraps."""
        listener = material.server().wrap_socket(socket.socket())
        client = material.client().wrap_socket(socket.socket(), u'localhost')
        try:
            listener.bind(('127.0.0.1', 0))
            listener.listen(1)
            client.settimeout(PATIENCE)
            client.connect(listener.getsockname())
            server, address = listener.accept()
            assert client.getsockname() == address
            serving = Background(server.do_handshake)
            client.do_handshake()
            serving.result()
            client.sendall(b'data')
            assert b'data' == server.recv(100)
            server.close()
        finally:
            listener.close()
            client.close()

    def test_only_streams(self, material):
        """A socket must be a stream."""
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            pytest.raises(TypeError, material.server().wrap_socket, datagrams)
        finally:
            datagrams.close()


class TestData(object):
    def test_there_and_back(self, ends):
        """What one end sends, the other receives."""
        for source, target in (ends, ends[::-1]):
            source.sendall(b'some data')
            assert [b'some', b' data'] == [target.recv(4), target.recv(100)]

    def test_much_at_once_both_ways(self, ends):
        """Megabytes go both ways at once: a thread may read while another one writes."""
        data = pattern(2000000)
        threads = [Background(end.sendall, data) for end in ends]
        threads += [Background(read_exactly, end, len(data)) for end in ends]
        assert [None, None, data, data] == [thread.result() for thread in threads]

    def test_send(self, ends):
        """send() says how much it has sent."""
        client, server = ends
        data = pattern(1000000)
        reading = Background(read_exactly, server, len(data))
        sent = 0
        while sent < len(data):
            sent += client.send(memoryview(data)[sent:])
        assert data == reading.result()

    def test_recv_into(self, ends):
        """recv_into() fills a buffer, or the beginning of it."""
        client, server = ends
        client.sendall(b'abcdef')
        target = bytearray(b'-----')
        assert (2, b'ab---') == (server.recv_into(target, 2), bytes(target))
        assert (4, b'cdef-') == (server.recv_into(target), bytes(target))
        pytest.raises(ValueError, server.recv_into, target, 6)

    def test_sendfile(self, ends, tmpdir):
        """sendfile() sends a file, or part of it."""
        client, server = ends
        tmpdir.join('file').write_binary(pattern(1000))
        with open(str(tmpdir.join('file')), 'rb') as file:
            assert 990 == client.sendfile(file, 10)
            assert pattern(1000)[10:] == read_exactly(server, 990)
            assert 7 == client.sendfile(file, 3, 7)
            assert (pattern(1000)[3:10], 10) == (read_exactly(server, 7), file.tell())

    def test_files(self, ends):
        """makefile() gives files; the socket is closed when the last of them is, too."""
        client, server = ends
        writing, reading = client.makefile('wb'), server.makefile('rb')
        writing.write(b'one\ntwo\n')
        writing.flush()
        assert [b'one\n', b'two\n'] == [reading.readline(), reading.readline()]
        client.close()
        writing.write(b'three\n')
        writing.flush()
        assert b'three\n' == reading.readline()
        writing.close()
        assert b'' == reading.read()
        reading.close()

    def test_flags(self, ends):
        """No flags make sense."""
        client, _ = ends
        for call in (lambda: client.recv(1, socket.MSG_PEEK), lambda: client.send(b'', 1),
                     lambda: client.sendall(b'', 1), lambda: client.recv_into(bytearray(1), 1, 1)):
            pytest.raises(ValueError, call)

    def test_timeout(self, ends):
        """Who has a timeout gets socket.timeout, and can go on reading after."""
        client, server = ends
        client.settimeout(0.01)
        assert (0.01, 0.01) == (client.gettimeout(), client.timeout)
        pytest.raises(socket.timeout, client.recv, 1)
        server.sendall(b'data')
        client.settimeout(PATIENCE)
        assert b'data' == client.recv(100)

    def test_altered_record(self, material):
        """A flipped bit on the wire is an error, and the sender reads of it."""
        with connection() as (near, middle), connection() as (other, far):
            client = material.client().wrap_socket(near, u'localhost')
            server = material.server().wrap_socket(far)
            relay = Background(_alter, middle, other)
            serving = Background(server.do_handshake)
            client.do_handshake()
            serving.result()
            client.sendall(b'data')
            client.sendall(pattern(100))
            assert type(raised(_read_to_the_end, server)) is TLSError
            assert 'BAD_RECORD_MAC' in raised(client.recv, 1).reason
            server.close()
            relay.result()
            client.close()


def _alter(middle, other):
    """Relay between two sockets; flip a bit of the last byte of what is short and encrypted."""
    while True:
        ready, _, _ = select.select([middle, other], [], [], PATIENCE)
        for source in ready:
            data = source.recv(100000)
            if not data:
                return
            if source is middle and data.startswith(b'\x17') and len(data) > 100:
                data = data[:-1] + bytes(bytearray([bytearray(data)[-1] ^ 1]))
            (other if source is middle else middle).sendall(data)


def _read_to_the_end(end):
    while end.recv(1000):
        pass


class TestNonBlocking(object):
    @pytest.fixture
    def ends(self, material):
        """Both ends, neither of which blocks, in TLS."""
        with wrapped(material.client(), material.server()) as both:
            waiting = list(both)
            for end in both:
                end.setblocking(False)
            while waiting:
                end = waiting.pop(0)
                try:
                    end.do_handshake()
                except WantReadError:
                    waiting.append(end)
                    _wait(waiting)
            yield both

    def test_reading(self, ends):
        """Where there is nothing to read, it is WantReadError; select() says when there is."""
        client, server = ends
        _drained(server)
        pytest.raises(WantReadError, server.recv, 1)
        assert 4 == client.send(b'data')
        _wait([server])
        assert b'data' == server.recv(100)

    def test_writing(self, ends):
        """Where there is no room, it is WantWriteError; nothing is lost or sent twice."""
        client, server = ends
        data, received, wanted = pattern(8000000), [], 0
        start = size = 0
        while size < len(data):
            if start < len(data):
                try:
                    start += client.send(data[start:start + 100000])
                    continue
                except WantWriteError:
                    wanted += 1
            _wait([server])
            chunk = _drained(server)
            size += len(chunk)
            received.append(chunk)
        assert data == b''.join(received)
        assert wanted

    def test_other_data(self, ends):
        """A send that has to be repeated needs the same data again, or more."""
        client, server = ends
        with pytest.raises(WantWriteError):
            while True:
                client.send(pattern(100000))
        for _ in range(1000):
            _drained(server)
            try:
                client.send(b'short')
            except WantWriteError:
                continue
            except ValueError as error:
                assert 'repeated' in str(error)
                return
        raise AssertionError('it was never sent')

    def test_unwrap(self, ends):
        """unwrap() is called until the peer has answered."""
        client, server = ends
        pytest.raises(WantReadError, client.unwrap)
        _wait([server])
        lower = server.unwrap()
        _wait([client])
        client.unwrap().close()
        lower.close()


def _wait(ends):
    """Wait until one of them can be read from."""
    if not select.select(ends, [], [], PATIENCE)[0]:
        raise AssertionError('the peer hangs')


def _drained(end):
    """Return all plaintext that is there."""
    chunks = []
    while True:
        try:
            chunks.append(end.recv(100000))
        except WantReadError:
            return b''.join(chunks)


class TestEnd(object):
    def test_close(self, ends):
        """close() ends TLS: the peer reads all, then b''."""
        client, server = ends
        client.sendall(b'data')
        client.close()
        assert [b'data', b'', b''] == [server.recv(100) for _ in range(3)]
        client.close()
        for call in (lambda: client.recv(1), lambda: client.send(b'data'), client.fileno):
            assert errno.EBADF == raised(call).errno

    def test_context_manager(self, ends):
        """The end of a with statement closes it."""
        client, server = ends
        with client as same:
            assert same is client
        assert b'' == server.recv(1)

    def test_ragged(self, ends):
        """A connection that ends without close_notify is a RaggedEOF, after the data."""
        client, server = ends
        client.sendall(b'data')
        client._lower.shutdown(socket.SHUT_WR)
        assert b'data' == server.recv(100)
        for _ in range(2):
            pytest.raises(RaggedEOF, server.recv, 1)
        pytest.raises(RaggedEOF, server.unwrap)

    def test_shutdown(self, ends):
        """shutdown(SHUT_WR) ends our side alone, in TLS and below it."""
        client, server = ends
        client.shutdown(socket.SHUT_WR)
        assert b'' == server.recv(1)
        server.sendall(b'an answer')
        assert b'an answer' == client.recv(100)

    def test_unwrap(self, ends):
        """unwrap() gives the socket back, to go on in plaintext; what came before is dropped."""
        client, server = ends
        plain_client = client._lower
        server.sendall(b'dropped')
        serving = Background(server.unwrap)
        near, far = client.unwrap(), serving.result()
        assert near is plain_client
        near.sendall(b'plaintext')
        assert b'plaintext' == far.recv(100)
        pytest.raises(socket.error, client.recv, 1)

    def test_unwrap_takes_no_plaintext(self, ends):
        """What the peer sends right after its close_notify is left for the socket below."""
        client, server = ends
        pytest.raises(WantReadError, server.buffer.shutdown)
        goodbye = server.buffer.peek_outgoing(1000)
        server.buffer.consume_outgoing(len(goodbye))
        server._lower.sendall(goodbye + b'220 plaintext\r\n')
        assert b'220 plaintext\r\n' == client.unwrap().recv(100)

    def test_unwrap_of_a_talker(self, ends):
        """unwrap() does not go on for ever against a peer that goes on sending."""
        client, server = ends
        sending = Background(_send_for_ever, server)
        assert 'goes on sending' in str(raised(client.unwrap))
        client.close()
        assert isinstance(sending.result(), (socket.error, TLSError))


def _send_for_ever(end):
    try:
        while True:
            end.sendall(pattern(100000))
    except socket.error as error:
        return error


class TestFace(object):
    def test_below(self, ends):
        """What TLS has no part in is the socket's below."""
        client, server = ends
        assert client.getpeername() == server.getsockname()
        assert (socket.AF_INET, socket.IPPROTO_TCP) == (client.family, client.proto or 6)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert client.type & 0xF == socket.SOCK_STREAM
        assert 'socket' in repr(client)

    @pytest.mark.parametrize('name', [
        'detach', 'dup', 'recvfrom', 'recvfrom_into', 'recvmsg', 'recvmsg_into', 'sendmsg',
        'sendmsg_afalg', 'sendto', 'share'])
    def test_stubs(self, ends, name):
        """What makes no sense on a stream, or would get past TLS, says so."""
        pytest.raises(NotImplementedError, getattr(ends[0], name), b'')

    def test_whole_api(self, ends):
        """Whatever a socket of this Python has, this one has."""
        names = set(socket._socketobject.__slots__ if PY2 else ())
        names |= set(dir(socket.socket))
        missing = {name for name in names if not name.startswith('_')} - set(dir(ends[0]))
        assert set() == missing


class TestAnyBuffer(object):
    def test_pep_alone(self, material):
        """A buffer that has no more than PEP 543 asks for is enough."""
        with connection() as (near, far):
            client = TLSWrappedSocket(
                near, OnlyThePEP(material.client().wrap_buffers(u'localhost')))
            server = TLSWrappedSocket(far, OnlyThePEP(material.server().wrap_buffers()))
            serving = Background(server.do_handshake)
            client.do_handshake()
            serving.result()
            client.sendall(b'data')
            assert b'data' == server.recv(100)
            assert TLSVersion.TLSv1_3 is server.negotiated_tls_version()
            assert client.context.configuration.validate_certificates
            client._lower.shutdown(socket.SHUT_WR)
            for _ in range(2):
                pytest.raises(RaggedEOF, server.recv, 1)
            server.close()

    def test_tls_in_tls(self, material):
        """A TLS socket may be below another one."""
        with shaken(material.client(), material.server()) as (outer_client, outer_server):
            client = material.client().wrap_socket(outer_client, u'localhost')
            server = material.server().wrap_socket(outer_server)
            serving = Background(server.do_handshake)
            client.do_handshake()
            serving.result()
            reading = Background(read_exactly, server, 300000)
            client.sendall(pattern(300000))
            assert pattern(300000) == reading.result()
            serving = Background(server.unwrap)
            assert (outer_client, outer_server) == (client.unwrap(), serving.result())


def test_mutual(material):
    """A server reads a client's data once that has proved who it is."""
    with shaken(material.client('client'), material.server(trust='ca')) as (client, server):
        client.sendall(b'data')
        assert b'data' == server.recv(100)


def test_configurations_of_sockets(material):
    """A socket's context knows what it was made of."""
    context = material.backend.client_context(TLSConfiguration())
    with connection() as (near, _):
        assert TLSConfiguration() == context.wrap_socket(near, None).context.configuration


def test_reading_rests(ends, monkeypatch):
    """A read with nothing to send does not wake up before something arrives."""
    looks = []
    monkeypatch.setattr(blocking, 'is_ready', lambda *args: looks.append(args) or is_ready(*args))
    client, server = ends
    reader = Background(client.recv, 100)
    reader.join(0.3)
    server.sendall(b'now')
    assert b'now' == reader.result()
    assert len(looks) < 3
