"""Loops that make TLS connections and servers: what they connect, and their options."""
from __future__ import absolute_import, division, print_function

import errno
import gc
import os
import socket
import ssl

import pytest

from sslproto27 import SSLCertVerificationError, SSLProtocol, aio
from sslproto27.aio import From, Return
from tests.support.aio_helpers import MEGABYTE, PATIENCE, App, Apps, Echo, end
from tests.support.engines import not_in_pair
from tests.support.leaks import descriptors
from tests.support.memory import PY2, raised
from tests.support.pipe_pairs import pattern


class TestConnections(object):
    def test_echo(self, aio_loop, run, serve, connect, server_context, tls_version):
        """create_connection and create_server carry TLS by our own protocol, on both sides."""
        made = Apps(aio_loop)
        client = connect(serve(made, ssl=server_context))
        client.transport.write(b'hello')
        run(client.has(5))
        for app in (client, made.made[0]):
            assert tls_version == app.transport.get_extra_info('tls_version')
            assert isinstance(app.transport._protocol, SSLProtocol)
            assert '127.0.0.1' == app.transport.get_extra_info('peername')[0]
        client.transport.close()
        assert [None, None] == end(run, client, made.made[0])

    @pytest.mark.parametrize('name', ['connection_made', 'data_received', 'eof_received'])
    def test_callback_that_raises(self, aio_loop, run, serve, connect, server_context, name):
        """It is reported; then Trollius' TLS goes on, and asyncio's ends: each as its own does."""
        def fail(self, *args):
            getattr(Echo, name)(self, *args)
            setattr(self, name, lambda *args: getattr(Echo, name)(self, *args))
            raise KeyError('mistake')

        made = Apps(aio_loop, type('Failing', (Echo,), {name: fail}))
        client, port = App(aio_loop), serve(made, ssl=server_context)
        try:
            connect(port, client)
            client.transport.write(b'bad')
        except EnvironmentError:  # the server has aborted before the client was done, in TLS 1.2
            assert not PY2 and name == 'connection_made'
        if PY2:
            run(client.has(3))
            client.transport.write(b'good')
            run(client.has(7))
        if PY2 or name == 'eof_received':
            client.transport.close()
        outcome = end(run, made.made[0])[0]
        if client.transport is not None:
            client.transport.abort()
        errors = [error['exception'] for error in aio_loop.errors]
        del aio_loop.errors[:]
        assert [KeyError] == [type(error) for error in errors]
        assert outcome is (None if PY2 else errors[0])

    def test_unix(self, aio_loop, run, folder, client_context, server_context):
        """The unix twins carry TLS, too."""
        path, made = os.path.join(folder, 'socket'), Apps(aio_loop)
        server = run(aio_loop.create_unix_server(made, path, ssl=server_context))
        client = App(aio_loop)
        run(aio_loop.create_unix_connection(
            lambda: client, path, ssl=client_context, server_hostname='localhost'))
        client.transport.write(b'hello')
        run(client.has(5))
        client.transport.close()
        assert [None, None] == end(run, client, made.made[0])
        server.close()

    @pytest.mark.parametrize('tls', [False, True], ids=['plain', 'TLS'])
    def test_accepted_socket(self, aio_loop, run, client_context, server_context, tls):
        """connect_accepted_socket serves a connection that was accepted elsewhere."""
        ours, theirs = socket.socketpair()
        client, server = App(aio_loop), Echo(aio_loop)
        kwargs = dict(ssl=client_context, server_hostname='localhost') if tls else {}
        theirs.setblocking(False)
        (transport, protocol), _ = run(aio.gather(
            aio_loop.connect_accepted_socket(
                lambda: server, ours, ssl=server_context if tls else None),
            aio_loop.create_unix_connection(lambda: client, sock=theirs, **kwargs)))
        assert (server, server.transport) == (protocol, transport)
        client.transport.write(b'hello')
        run(client.has(5))
        assert tls == (transport.get_extra_info('ssl_object') is not None)
        client.transport.close()
        assert [None, None] == end(run, client, server)

    def test_accepted_stranger(self, aio_loop, run, server_context):
        """Where its handshake fails the caller is told, and the connection is closed."""
        ours, theirs = socket.socketpair()
        theirs.sendall(b'GET / HTTP/1.0\r\n\r\n')
        error = raised(run, aio_loop.connect_accepted_socket(
            lambda: App(aio_loop), ours, ssl=server_context))
        assert (ssl.SSLError, 'HTTP_REQUEST') == (type(error), error.reason)
        theirs.settimeout(PATIENCE)
        while theirs.recv(100):  # the alert, then the end
            pass
        theirs.close()

    def test_given_socket(self, aio_loop, run, serve, connect, client_context, server_context):
        """create_connection speaks TLS over a connected socket of the caller's."""
        port = serve(Apps(aio_loop), ssl=server_context)
        sock = socket.create_connection(('127.0.0.1', port))
        client = App(aio_loop)
        run(aio_loop.create_connection(
            lambda: client, sock=sock, ssl=client_context, server_hostname='localhost'))
        client.transport.write(b'hello')
        run(client.has(5))
        client.transport.close()
        assert [None] == end(run, client)

    def test_many_clients(self, aio_loop, run, serve, connect, pki):
        """Thirty clients, 100 KiB each way, each get their own answer; no descriptor is left."""
        gc.collect()  # what earlier tests have left
        made, before = Apps(aio_loop), descriptors()
        port, context = serve(made, ssl=pki.server_context('ecdsa')), pki.client_context()
        clients = [App(aio_loop) for _ in range(30)]
        run(aio.gather(*[aio_loop.create_connection(
            lambda client=client: client, '127.0.0.1', port, ssl=context,
            server_hostname='localhost') for client in clients]))
        for number, client in enumerate(clients):
            client.transport.write(b'%04d' % number * 25600)
        for number, client in enumerate(clients):
            run(client.has(102400))
            assert b'%04d' % number * 25600 == client.data
            client.transport.close()
        assert [None] * 60 == end(run, *(clients + made.made))
        run(aio.sleep(0))
        assert before + 1 == descriptors()

    def test_idna(self, aio_loop, run, serve, connect, pki, client_context, tls_version):
        """A host name in any language is looked for in its certificate by its A-label."""
        port = serve(Apps(aio_loop), ssl=pki.server_context('idna', version=tls_version))
        client = connect(port, server_hostname=u'b\xfccher.example.org')
        assert 'xn--bcher-kva.example.org' == client.transport.get_extra_info('server_hostname')
        client.transport.close()
        end(run, client)

    def test_full_duplex(self, aio_loop, run, serve, connect, server_context):
        """Both sides send 2 MiB at once, and both get all of it."""
        made, data = Apps(aio_loop, App), pattern(2 * MEGABYTE)
        client = connect(serve(made, ssl=server_context))
        server, = made.made
        client.transport.write(data)
        server.transport.write(data[::-1])
        run(client.has(len(data)))
        run(server.has(len(data)))
        assert (data, data[::-1]) == (server.data, client.data)
        client.transport.close()
        end(run, client, server)

    def test_paused_and_closed(self, aio_loop, run, serve, connect, server_context):
        """4 MiB that are written to a peer that reads nothing, then close(): all arrives."""
        made, data = Apps(aio_loop, App), pattern(4 * MEGABYTE)
        client = connect(serve(made, ssl=server_context))
        server, = made.made
        server.transport.pause_reading()
        client.transport.write(data)
        client.transport.close()
        run(aio.sleep(0))
        server.transport.resume_reading()
        assert [None, None] == end(run, client, server)
        assert data == server.data

    def test_ends_while_paused(self, aio_loop, run, serve, connect, server_context):
        """Data and the end that come while reading is paused are delivered on resume."""
        made = Apps(aio_loop, App)
        client = connect(serve(made, ssl=server_context))
        server, = made.made
        client.transport.pause_reading()
        server.transport.write(b'last')
        server.transport.close()
        run(aio.sleep(0.02))
        assert ['connection_made'] == client.names
        client.transport.resume_reading()
        assert [None, None] == end(run, client, server)
        assert (b'last', ['connection_made', 'data_received', 'eof_received',
                          'connection_lost']) == (client.data, client.names)

    def test_half_closed(self, aio_loop, run, serve, connect, server_context):
        """A peer that has ended its side still gets the answer."""
        made = Apps(aio_loop, App, keep_open=True)
        client = connect(serve(made, ssl=server_context), App(aio_loop))
        server, = made.made
        unwrapping = client.transport.unwrap()  # sends close_notify, and still takes data
        while 'eof_received' not in server.names:
            run(aio.sleep(0))
        server.transport.write(b'the answer')
        server.transport.close()
        run(client.has(10))
        lower, _ = run(unwrapping)
        lower.close()
        assert [None, None] == end(run, client, server)
        assert b'the answer' == client.data

    @pytest.mark.parametrize('is_coroutine', [False, True])
    def test_unix_streams(self, aio_loop, run, folder, client_context, server_context,
                          is_coroutine):
        """Streams over unix sockets carry TLS; who serves them may be a plain function."""
        path = os.path.join(folder, 'socket')

        def greet(reader, writer):
            writer.write(b'hello\n')
            writer.close()

        @aio.coroutine
        def greet_later(reader, writer):
            yield None
            greet(reader, writer)

        @aio.coroutine
        def talk():
            server = yield From(aio.start_unix_server(
                greet_later if is_coroutine else greet, path, ssl=server_context))
            reader, writer = yield From(aio.open_unix_connection(
                path, ssl=client_context, server_hostname='localhost'))
            received = yield From(reader.read())
            writer.close()
            for waiter in [aio.ensure_future(writer.wait_closed()) for _ in range(2)]:
                yield From(waiter)
            yield From(writer.wait_closed())
            server.close()
            raise Return(received)
        assert b'hello\n' == run(talk())


class TestOptions(object):
    def test_handshake_timeout(self, aio_loop, run, serve, client_context):
        """A silent server fails the connection after ssl_handshake_timeout; it sees the end."""
        made = Apps(aio_loop, App)
        port = serve(made)
        error = raised(run, aio_loop.create_connection(
            lambda: App(aio_loop), '127.0.0.1', port, ssl=client_context,
            server_hostname='localhost', ssl_handshake_timeout=0.05))
        assert isinstance(error, EnvironmentError)
        assert errno.ECONNABORTED == error.errno
        assert '0.05' in str(error)
        end(run, made.made[0])

    def test_servers_handshake_timeout(self, aio_loop, run, serve, connect, server_context):
        """A server drops a client that never shakes hands; its application is told of nothing."""
        made = Apps(aio_loop, App)
        port = serve(made, ssl=server_context, ssl_handshake_timeout=0.05)
        silent = connect(port, ssl=None)
        end(run, silent)
        assert [] == made.made[0].names

    @pytest.mark.parametrize('timeout', [0, 0.05])
    def test_shutdown_timeout(self, aio_loop, run, serve, connect, server_context, timeout):
        """A peer that never answers close_notify is left after ssl_shutdown_timeout; 0: at once."""
        made = Apps(aio_loop, App)
        client = connect(serve(made, ssl=server_context), ssl_shutdown_timeout=timeout)
        server, = made.made
        server.transport.pause_reading()
        client.transport.close()
        assert [None] == end(run, client)
        server.transport.abort()
        end(run, server)

    @not_in_pair('session')
    def test_session(self, aio_loop, run, serve, connect, pki, tls_version):
        """A session read from one connection is resumed by the next."""
        made = Apps(aio_loop)
        port = serve(made, ssl=pki.server_context('ecdsa', version=tls_version))
        context = pki.client_context(version=tls_version)
        reused, session = [], None
        for _ in range(2):
            client = connect(port, ssl=context, session=session)
            client.transport.write(b'x')
            run(client.has(1))
            session = client.transport.get_extra_info('session')
            reused.append(client.transport.get_extra_info('session_reused'))
            client.transport.close()
            end(run, client)
        assert [False, True] == reused

    @pytest.mark.parametrize('name, value', [
        ('ssl_handshake_timeout', 1), ('ssl_shutdown_timeout', 1), ('session', object()),
        ('suppress_ragged_eofs', True)])
    def test_without_tls(self, aio_loop, run, folder, name, value):
        """Options of TLS without TLS are ValueError that names them, whatever takes them."""
        sock = socket.socket()
        option = {name: value}
        for call, args in (
                (aio_loop.create_connection, (App, '127.0.0.1', 1)),
                (aio_loop.create_server, (App, '127.0.0.1', 0)),
                (aio_loop.create_unix_connection, (App, folder)),
                (aio_loop.create_unix_server, (App, folder)),
                (aio_loop.connect_accepted_socket, (App, sock)),
                (aio.open_connection, ('127.0.0.1', 1)),
                (aio.start_server, (None, '127.0.0.1', 0))):
            error = raised(run, call(*args, **option))
            assert (ValueError, True) == (type(error), name in str(error))
        sock.close()

    @pytest.mark.parametrize('value, error', [(0, ValueError), (-1, ValueError), ('1', TypeError)])
    def test_wrong_timeout(self, aio_loop, run, server_context, value, error):
        """A handshake timeout that makes no sense is refused before there is a connection."""
        for call, kwargs in ((aio_loop.create_server, {}),
                             (aio_loop.create_connection, dict(server_hostname='localhost'))):
            assert error is type(raised(run, call(App, '127.0.0.1', 0, ssl=server_context,
                                                  ssl_handshake_timeout=value, **kwargs)))

    def test_server_needs_a_context(self, aio_loop, run):
        """ssl=True is TypeError for servers: they need a certificate."""
        sock = socket.socket()
        for call, args in ((aio_loop.create_server, (App, '127.0.0.1', 0)),
                           (aio_loop.create_unix_server, (App, 'socket')),
                           (aio_loop.connect_accepted_socket, (App, sock))):
            assert TypeError is type(raised(run, call(*args, ssl=True)))
        sock.close()

    @pytest.mark.parametrize('context', ['text', object(), 7])
    def test_no_context(self, aio_loop, run, context):
        """What is no context is TypeError."""
        for call in (aio_loop.create_server, aio_loop.create_connection):
            assert TypeError is type(raised(run, call(App, '127.0.0.1', 0, ssl=context)))

    def test_host_name(self, aio_loop, run, client_context):
        """server_hostname without ssl, and ssl with neither it nor a host, are ValueError."""
        assert ValueError is type(raised(run, aio_loop.create_connection(
            App, '127.0.0.1', 1, server_hostname='localhost')))
        assert ValueError is type(raised(run, aio_loop.create_connection(
            App, None, 1, ssl=client_context)))
        assert ValueError is type(raised(run, aio_loop.create_unix_connection(
            App, 'socket', ssl=client_context)))

    def test_no_host_name_to_check(self, aio_loop, run, serve, connect, pki, tls_version):
        """server_hostname='' checks no name."""
        port = serve(Apps(aio_loop), ssl=pki.server_context('other', version=tls_version))
        client = connect(port, server_hostname='')
        client.transport.close()
        end(run, client)

    def test_default_context(self, aio_loop, run, serve, pki):
        """ssl=True verifies certificate and name."""
        port = serve(Apps(aio_loop), ssl=pki.server_context('ecdsa'))
        error = raised(run, aio_loop.create_connection(
            lambda: App(aio_loop), 'localhost', port, ssl=True, family=socket.AF_INET))
        assert SSLCertVerificationError is type(error)

    def test_wrong_host_name(self, aio_loop, run, client_context):
        """A server_hostname that no host can have is refused, and the connection is closed."""
        ours, theirs = socket.socketpair()
        with pytest.raises(ValueError):
            run(aio_loop.create_connection(
                lambda: App(aio_loop), sock=ours, ssl=client_context, server_hostname=u'a..b'))
        theirs.settimeout(PATIENCE)
        assert b'' == theirs.recv(1)
        theirs.close()

    def test_tls_socket(self, aio_loop, run, client_context, server_context):
        """connect_accepted_socket takes no socket that does TLS itself."""
        sock = client_context.wrap_socket(socket.socket(), server_hostname='localhost')
        error = raised(run, aio_loop.connect_accepted_socket(App, sock, ssl=server_context))
        sock.close()
        assert (ValueError, True) == (type(error), 'plain socket' in str(error))

    def test_datagram_socket(self, aio_loop, run, server_context):
        """connect_accepted_socket takes stream sockets alone."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        error = raised(run, aio_loop.connect_accepted_socket(App, sock, ssl=server_context))
        sock.close()
        assert ValueError is type(error)


class TestPolicy(object):
    def test_install(self):
        """install makes new loops ours, as often as it is called; uninstall undoes it."""
        for _ in range(2):
            aio.install()
            loop = aio.new_event_loop()
            loop.close()
            assert aio.SelectorEventLoop is type(loop)
        for _ in range(2):
            aio.uninstall()
        loop = aio.new_event_loop()
        loop.close()
        assert aio.SelectorEventLoop is not type(loop)
