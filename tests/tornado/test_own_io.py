"""Subclasses of Tornado's SSLIOStream that do their own input and output, and those that do not."""
from __future__ import absolute_import, division, print_function

import functools
import socket
import ssl

import pytest

from tests.support.tornados import connected_sockets, finish, iostream, logged, on_loop

from sslproto27.tornado import SSLIOStream, install, uninstall
from tornado.concurrent import Future

_Stock = iostream.SSLIOStream


class Quick(_Stock):
    """Reads its socket itself, as tormysql's stream does."""

    def _handle_read(self):
        if self._ssl_accepting:
            self._do_ssl_handshake()
            return
        try:
            self.got.set_result(self.socket.recv(100))
        except ssl.SSLError as error:
            if error.args[0] != ssl.SSL_ERROR_WANT_READ:
                raise


class Filling(_Stock):
    """Has another way to fill a buffer."""

    def read_from_fd(self, buf=None):
        """Read as Tornado does, with no help of its."""
        if self._ssl_accepting:
            return None
        try:
            if buf is not None:
                return self.socket.recv_into(buf)
            data = self.socket.read(100)
            if not data:
                self.close()
            return data or None
        except ssl.SSLError as error:
            if error.args[0] == ssl.SSL_ERROR_WANT_READ:
                return None
            raise


class Helped(_Stock):
    """Has the socket read in a method that Tornado does not know."""

    def drain(self):
        """Read."""
        return [self.socket.recv(1) for _ in range(2)]


class Pinning(_Stock):
    """Looks at the certificate in a method that no stream of ours calls."""

    def _verify_cert(self, peercert):
        return super(Pinning, self)._verify_cert(peercert)


class _Mixin(object):
    def _handle_write(self):
        self.wrote = True


class Mixed(_Mixin, _Stock):
    """Has its output from elsewhere."""


def _decorator(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper


class Counting(_Stock):
    """Counts, in ways that leave the work to Tornado."""

    calls = 0

    def read_from_fd(self, *args):
        """Count, and read."""
        self.calls += 1
        return super(Counting, self).read_from_fd(*args)

    @_decorator
    def _handle_read(self):
        self.calls += 1
        _Stock._handle_read(self)

    @property
    def doubled(self):
        """Something else."""
        return 2 * self.calls

    @staticmethod
    def send(queue):
        """Send what is no data of the socket's."""
        queue.send('x')


class Reading(_Stock):
    """Uses another name of ssl's for recv()."""

    def take(self):
        """Read."""
        return self.socket.read(100)


def _receive(sock):
    return sock.recv(100)


class Handing(_Stock):
    """Gives its socket to a function that reads."""

    def take(self):
        """Read."""
        return _receive(self.socket)


class Keeping(_Stock):
    """Reads what it has kept of its socket, in a function of its own."""

    def take(self):
        """Read."""
        def again():
            sock = self.socket
            return sock.recv(100)
        return again()


class Skipping(_Stock):
    """Calls what a plain stream has, which skips that of a TLS stream."""

    def read_from_fd(self, *args):
        """Read."""
        return iostream.IOStream.read_from_fd(self, *args)


class SkippingMore(_Stock):
    """Does so with super()."""

    def write_to_fd(self, data):
        """Write."""
        return super(_Stock, self).write_to_fd(data)


class Repeating(_Stock):
    """Has itself called again, and Tornado's own never."""

    def _handle_read(self):
        self.io_loop.add_callback(self._handle_read)


class Setting(_Stock):
    """Has a method of its own for each stream."""

    def __init__(self, *args, **kwargs):
        super(Setting, self).__init__(*args, **kwargs)
        self._handle_read = list


class SettingByName(_Stock):
    """Does so by the name."""

    def choose(self):
        """Choose."""
        setattr(self, '_handle_write', list)


class _Registering(type):
    """Notes the classes that it makes."""

    classes = []

    def __new__(mcs, name, bases, members):
        mcs.classes.append(name)
        return super(_Registering, mcs).__new__(mcs, name, bases, members)


class Describing(_Registering('Base', (_Stock,), {})):
    """Looks at its socket in ways that need no I/O."""

    def describe(self):
        """Return whether it has one, and what is known of it."""
        if self.socket is None or not self.socket:
            return None
        return self.socket.getpeername(), self.socket.cipher()

    def close_fd(self):
        """Close, as Tornado does."""
        super(Describing, self).close_fd()


@pytest.fixture
def installed():
    """Install for one test."""
    install()
    yield
    uninstall()


@pytest.mark.parametrize('cls, reason', [
    (Quick, 'its _handle_read() replaces that of Tornado'),
    (Filling, 'its read_from_fd() replaces that of Tornado'),
    (Helped, 'its drain() calls recv() of the socket'),
    (Pinning, 'its _verify_cert() replaces that of Tornado'),
    (Mixed, 'its _handle_write() replaces that of Tornado'),
    (Reading, 'its take() calls read() of the socket'),
    (Handing, 'its take() passes the socket on'),
    (Keeping, 'its take() passes the socket on'),
    (Skipping, 'its read_from_fd() calls read_from_fd() of a plain stream'),
    (SkippingMore, 'its write_to_fd() calls write_to_fd() of a plain stream'),
    (Repeating, 'its _handle_read() replaces that of Tornado'),
    (Setting, 'its __init__() sets _handle_read'),
    (SettingByName, 'its choose() sets _handle_write')])
@pytest.mark.usefixtures('installed')
@on_loop
def test_stays_on_stock(pki, cls, reason):
    """A class that does its own I/O stays on Tornado's TLS; a warning says so, once, and why."""
    # A new one each time: what has been found out about a class is kept.
    cls = type(cls.__name__, (cls,), {'__module__': 'application'})
    pairs = [connected_sockets() for _ in range(2)]
    with logged() as texts:
        streams = [cls(client) for client, _ in pairs]
    assert ['WARNING: application.%s stays on the TLS of Tornado itself, since %s'
            % (cls.__name__, reason)] == texts
    assert [cls, cls] == [type(stream) for stream in streams]
    assert not isinstance(streams[0], SSLIOStream)
    finish(*streams)
    for _, server in pairs:
        server.close()
    yield


@pytest.mark.usefixtures('installed')
@on_loop
def test_own_reads_work(pki):
    """Such a class does what it did: it reads its socket, and a server of ours is the peer."""
    ours, theirs = connected_sockets()
    server = SSLIOStream(theirs, ssl_options=pki.server_context(), server_side=True)
    with logged():
        client = Quick(pki.client_context().wrap_socket(
            ours, server_hostname='localhost', do_handshake_on_connect=False))
    client.got = Future()
    yield client.wait_for_handshake()
    client._add_io_state(client.io_loop.READ)
    server.write(b'hello')
    assert b'hello' == (yield client.got)
    finish(client, server)


@pytest.mark.usefixtures('installed')
@on_loop
def test_own_filling_works(pki):
    """A read_from_fd of its own is called as before."""
    ours, theirs = connected_sockets()
    server = SSLIOStream(theirs, ssl_options=pki.server_context(), server_side=True)
    with logged():
        client = Filling(pki.client_context().wrap_socket(
            ours, server_hostname='localhost', do_handshake_on_connect=False))
    yield server.write(b'hello')
    assert b'hello' == (yield client.read_bytes(5))
    finish(client, server)


@pytest.mark.usefixtures('installed')
@on_loop
def test_counting_runs_on_ours(pki):
    """A class that leaves the work to Tornado runs on our streams, and keeps what it adds."""
    ours, theirs = connected_sockets()
    with logged() as texts:
        server = Counting(theirs, ssl_options=pki.server_context(), server_side=True)
        client = Counting(ours, ssl_options=pki.client_context(), server_hostname='localhost')
        client.write(b'data')
        assert b'data' == (yield server.read_bytes(4))
    assert [] == texts
    assert isinstance(server, Counting) and isinstance(server, SSLIOStream)
    assert 0 < server.calls and 2 * server.calls == server.doubled
    finish(client, server)


@pytest.mark.usefixtures('installed')
@on_loop
def test_past_connect(pki):
    """A class whose connect() is that of a plain stream gets TLS once it is connected."""
    class Direct(_Stock):
        def connect(self, address):
            iostream.IOStream.connect(self, address)
            return self.wait_for_handshake()

    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(1)
    client = Direct(socket.socket(), ssl_options=dict(cert_reqs=ssl.CERT_NONE))
    connected = client.connect(listener.getsockname())
    accepted, _ = listener.accept()
    server = SSLIOStream(accepted, ssl_options=pki.server_context(), server_side=True)
    assert client is (yield connected)
    assert isinstance(client, SSLIOStream)
    finish(client, server)
    listener.close()


@pytest.mark.usefixtures('installed')
@on_loop
def test_variable_without_value(pki):
    """A method may use a variable around it that has no value yet when the class is first used."""
    class Later(_Stock):
        def label(self):
            """Return what is known later."""
            return later

    ours, theirs = connected_sockets()
    client = Later(ours, ssl_options=pki.client_context(), server_hostname='localhost')
    assert isinstance(client, SSLIOStream)
    later = 'now'
    assert 'now' == client.label()
    finish(client)
    theirs.close()
    yield


@pytest.mark.usefixtures('installed')
@on_loop
def test_describing(pki):
    """Whoever only describes the socket runs on ours; a metaclass is not told of another class."""
    ours, theirs = connected_sockets()
    del _Registering.classes[:]
    with logged() as texts:
        server = Describing(theirs, ssl_options=pki.server_context(), server_side=True)
        client = Describing(ours, ssl_options=pki.client_context(), server_hostname='localhost')
        yield [server.wait_for_handshake(), client.wait_for_handshake()]
        assert (server.socket.getsockname(), client.socket.cipher()) == client.describe()
    assert ([], []) == (texts, _Registering.classes)
    assert isinstance(server, SSLIOStream) and type(type(server)) is _Registering
    assert isinstance(client.socket, ssl.SSLSocket)
    finish(client, server)
    assert server.describe() is None
