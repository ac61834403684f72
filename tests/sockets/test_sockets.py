"""Sockets that ssl makes once `install` is in force, beside those that it makes otherwise."""
from __future__ import absolute_import, division, print_function

import contextlib
import copy
import errno
import gc
import os
import select
import socket
import ssl
import threading
import weakref

import pytest

from sslproto27 import SSLContext, sockets
from sslproto27._core.compat import PYPY
from sslproto27.context import by_server_name
from tests.support.engines import only_graft
from tests.support.memory import PY2, only_python2, raised
from tests.support.sockets import PATIENCE, Background, connection, read_exactly

_stock = vars(ssl.SSLContext)['wrap_socket']  # whatever is installed


def stock(context, sock, **kwargs):
    """Return an ssl.SSLSocket that is Python's own."""
    return _stock(context, sock, **kwargs)


@contextlib.contextmanager
def listening():
    """Give a listening socket on loopback, and its address."""
    with contextlib.closing(socket.socket()) as sock:
        sock.bind(('127.0.0.1', 0))
        sock.listen(5)
        sock.settimeout(PATIENCE)
        yield sock, sock.getsockname()


def echo(sock, context):
    """Accept one connection, and send back what comes until TLS ends."""
    near = sock.accept()[0]
    near.settimeout(PATIENCE)
    with contextlib.closing(stock(context, near, server_side=True)) as near:
        while True:
            data = near.recv(1000)
            if not data:
                near.unwrap().close()
                return
            near.sendall(data)


@contextlib.contextmanager
def pair(pki, kind=None, version=None, peer=None, **kwargs):
    """
    Give both ends: a client's as ssl makes it now, and the server's, which is Python's own.

    Args:
        peer (callable or None): what the server's thread does first.
        **kwargs: of wrap_socket.
    """
    with connection() as (near, far):
        def serve():
            wrapped = stock(pki.server_context(version=version), far, server_side=True)
            return wrapped if peer is None else peer(wrapped) or wrapped
        server = Background(serve)
        context = pki.client_context(version=version)
        kwargs.setdefault('server_hostname', 'localhost')
        client = context.wrap_socket(near, **kwargs)
        try:
            yield client, server.result()
        finally:
            client.close()


def timeout_of(kind):
    """Return the class of a timeout: PyPy's own sockets have Python 3's alone."""
    return socket.timeout if PYPY and kind == 'ssl' else ssl.SSLError


@only_python2
class TestStock(object):
    """What an application can tell of Python's own sockets holds for ours."""

    def test_types(self, kind, pki):
        """A socket is an ssl.SSLSocket and a socket.socket, and ours only where it is installed."""
        with pair(pki) as (client, _):
            assert isinstance(client, ssl.SSLSocket) and isinstance(client, socket.socket)
            assert issubclass(type(client), ssl.SSLSocket)
            assert (kind == 'sslproto27') == isinstance(client, sockets.SSLSocket)

    @pytest.mark.parametrize('how', ['connect', 'connect_ex'])
    def test_wrapped_before_it_connects(self, kind, pki, how):
        """connect() and connect_ex() of a socket that was wrapped before shake hands."""
        with listening() as (sock, address):
            server = Background(echo, sock, pki.server_context())
            client = ssl.wrap_socket(socket.socket(), ca_certs=pki.path('ca'),
                                     cert_reqs=ssl.CERT_REQUIRED)
            assert not getattr(client, how)(address)
            assert ('DNS', 'localhost') in client.getpeercert()['subjectAltName']
            client.sendall(b'hello')
            assert b'hello' == read_exactly(client, 5)
            client.unwrap().close()
            server.result()

    def test_connected_without_waiting(self, kind, pki):
        """A non-blocking connect is followed by select() and do_handshake, call by call."""
        with listening() as (sock, address):
            server = Background(echo, sock, pki.server_context())
            client = ssl.wrap_socket(socket.socket(), do_handshake_on_connect=False)
            client.setblocking(False)
            assert client.connect_ex(address) in (0, errno.EINPROGRESS)
            assert [client] == select.select([], [client], [], PATIENCE)[1]
            wanted = set()
            while True:
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError as error:
                    wanted.add(error.args[0])
                    assert [client] == select.select([client], [], [], PATIENCE)[0]
            assert wanted <= {ssl.SSL_ERROR_WANT_READ}
            client.setblocking(True)
            client.unwrap().close()
            server.result()

    def test_refused(self, kind, pki):
        """A connection that is refused is socket.connect's error, or its number."""
        with listening() as (_, address):
            pass
        client = ssl.wrap_socket(socket.socket())
        assert errno.ECONNREFUSED == raised(client.connect, address).errno
        assert errno.ECONNREFUSED == ssl.wrap_socket(socket.socket()).connect_ex(address)

    def test_listening(self, kind, pki):
        """accept() of a wrapped listener returns a wrapped connection of its kind, after TLS."""
        with listening() as (sock, address):
            wrapped = ssl.wrap_socket(sock, certfile=pki.path('localhost'), server_side=True)
            client = Background(lambda: stock(
                pki.client_context(), socket.create_connection(address, PATIENCE),
                server_hostname='localhost'))
            near, peer = wrapped.accept()
            assert (type(wrapped), True) == (type(near), near.server_side)
            assert peer == client.result().getsockname()
            client.result().sendall(b'hello')
            assert b'hello' == read_exactly(near, 5)
            near.close()
            wrapped.close()

    def test_accepted_without_handshake(self, kind, pki):
        """What a listener is told of handshakes and ends holds for its connections."""
        with listening() as (sock, address):
            wrapped = ssl.wrap_socket(sock, certfile=pki.path('localhost'), server_side=True,
                                      do_handshake_on_connect=False, suppress_ragged_eofs=True)
            client = socket.create_connection(address)
            near = wrapped.accept()[0]
            assert (False, True) == (near.do_handshake_on_connect, near.suppress_ragged_eofs)
            client.close()
            near.close()
            wrapped.close()

    def test_nonblocking_handshake(self, kind, pki):
        """A handshake at once and a socket that must not block do not go together."""
        with connection() as (near, _):
            near.setblocking(False)
            error = raised(pki.client_context().wrap_socket, near, server_hostname='localhost')
            assert ValueError is type(error)

    def test_nonblocking(self, kind, pki):
        """recv raises where nothing is there, send returns 0 where nothing can go, sendall ends."""
        with pair(pki) as (client, server):
            client.setblocking(False)
            assert ssl.SSL_ERROR_WANT_READ == raised(client.recv, 10).args[0]
            assert ssl.SSL_ERROR_WANT_READ == raised(client.recv_into, bytearray(9)).args[0]
            size, data = 0, b'x' * 100000
            while True:
                sent = client.send(data)
                if not sent:
                    break
                size += sent
            reader = Background(read_exactly, server, size + len(data) + 500000)
            assert 500000 + len(data) == client.sendall(data + b'y' * 500000)
            assert b'x' * (size + len(data)) + b'y' * 500000 == reader.result()

    def test_close_ends_a_sendall(self, kind, pki):
        """A sendall that waits, though the socket does not, ends when another thread closes."""
        with pair(pki) as (client, server):
            client.setblocking(False)
            writer = Background(raised, client.sendall, b'x' * 20000000)
            while select.select([], [client], [], 0.2)[1]:
                pass
            client.close()
            assert errno.EBADF == writer.result().errno

    def test_wrapped_twice(self, kind, pki):
        """A socket that is wrapped anew before its handshake is as one that was wrapped once."""
        with connection() as (near, far):
            server = Background(stock, pki.server_context(), far, server_side=True)
            first = ssl.wrap_socket(near, do_handshake_on_connect=False)
            client = pki.client_context().wrap_socket(first, server_hostname='localhost')
            if not PYPY:  # which counts whose a descriptor is
                first.close()
            client.sendall(b'hello')
            assert b'hello' == read_exactly(server.result(), 5)
            client.close()

    def test_what_tls_cannot(self, kind, pki):
        """Datagrams' methods, flags and copies are refused as ssl refuses them."""
        with pair(pki) as (client, _):
            for call in (lambda: client.sendto(b'x', ('127.0.0.1', 9)), lambda: client.recvfrom(1),
                         lambda: client.recvfrom_into(bytearray(1)), lambda: client.send(b'', 1),
                         lambda: client.sendall(b'x', 1), lambda: client.recv(1, 1),
                         lambda: client.recv_into(bytearray(1), 1, 1),
                         lambda: client.connect(('127.0.0.1', 9)), lambda: client.read(-1),
                         lambda: client.get_channel_binding('unheard-of')):
                assert ValueError is type(raised(call))
            assert NotImplementedError is type(raised(client.dup))

    def test_arguments(self, kind, pki):
        """Arguments that do not go together are refused as ssl refuses them."""
        context = pki.client_context()
        with connection() as (near, _):
            for call in (lambda: ssl.wrap_socket(near, server_side=True),
                         lambda: ssl.wrap_socket(near, keyfile=pki.path('localhost')),
                         lambda: context.wrap_socket(near),
                         lambda: context.wrap_socket(near, server_side=True, server_hostname='x')):
                assert ValueError is type(raised(call))
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as datagrams:
            assert NotImplementedError is type(raised(ssl.wrap_socket, datagrams))
        server = ssl.wrap_socket(socket.socket(), certfile=pki.path('localhost'), server_side=True)
        assert ValueError is type(raised(server.connect, ('127.0.0.1', 9)))
        unconnected = ssl.wrap_socket(socket.socket())
        assert errno.ENOTCONN == raised(unconnected.getpeercert).errno
        assert errno.ENOTCONN == raised(unconnected.do_handshake).errno
        assert (None, None, None, 0) == (unconnected.cipher(), unconnected.version(),
                                         unconnected.get_channel_binding(), unconnected.pending())
        assert ValueError is type(raised(unconnected.unwrap))
        assert ValueError is type(raised(unconnected.read))
        assert ValueError is type(raised(unconnected.write, b'x'))

    def test_keywords(self, kind, pki):
        """ssl.wrap_socket's keywords mean what they mean, and can be read afterwards."""
        with connection() as (near, far):
            server = Background(ssl.wrap_socket, far, pki.path('localhost'), pki.path('localhost'),
                                True, ssl.CERT_REQUIRED, ssl.PROTOCOL_SSLv23, pki.path('ca'))
            client = ssl.wrap_socket(
                near, certfile=pki.path('client'), cert_reqs=ssl.CERT_REQUIRED,
                ssl_version=ssl.PROTOCOL_TLSv1_2, ca_certs=pki.path('ca'),
                ciphers='ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-CHACHA20-POLY1305')
            assert ('TLSv1.2', True) == (client.version(), 'CHACHA20' in client.cipher()[0])
            assert 'client.example.org' in str(server.result().getpeercert())
            assert [pki.path('client')] * 2 == [client.keyfile, client.certfile]
            assert ssl.CERT_REQUIRED == client.cert_reqs == client.context.verify_mode
            assert (ssl.PROTOCOL_TLSv1_2, pki.path('ca')) == (client.ssl_version, client.ca_certs)
            assert 'CHACHA20' in client.ciphers
            assert pki.chain('localhost')[0] == client.getpeercert(True)

    def test_refuses_a_stranger(self, kind, pki):
        """A certificate that does not verify ends the handshake, as an ssl.SSLError."""
        with connection() as (near, far):
            server = Background(stock, pki.server_context('stranger'), far, server_side=True)
            error = raised(ssl.wrap_socket, near, cert_reqs=ssl.CERT_REQUIRED,
                           ca_certs=pki.path('ca'))
            assert isinstance(error, ssl.SSLError) and 'verify failed' in str(error)
            near.close()
            raised(server.result)

    def test_refuses_a_name(self, kind, pki):
        """A certificate for another name ends the handshake, as an ssl.CertificateError."""
        with connection() as (near, far):
            Background(stock, pki.server_context('other'), far, server_side=True)
            error = raised(pki.client_context().wrap_socket, near, server_hostname='localhost')
            assert isinstance(error, ssl.CertificateError)

    def test_timeouts(self, kind, pki):
        """A call that times out raises an ssl.SSLError that says so; a read can be repeated."""
        with pair(pki) as (client, server):
            client.settimeout(0.02)
            for call in (client.recv, client.read, lambda: client.recv_into(bytearray(5))):
                error = raised(call)
                assert isinstance(error, timeout_of(kind)) and 'timed out' in str(error)
            server.sendall(b'hello')
            client.settimeout(PATIENCE)
            assert b'hello' == read_exactly(client, 5)
            client.settimeout(0.02)
            error = raised(client.sendall, b'x' * 20000000)
            assert isinstance(error, timeout_of(kind)) and 'timed out' in str(error)

    def test_handshake_times_out(self, kind, pki):
        """So does a handshake with a peer that is silent."""
        with connection() as (near, _):
            near.settimeout(0.02)
            error = raised(pki.client_context().wrap_socket, near, server_hostname='localhost')
            assert isinstance(error, ssl.SSLError) and 'timed out' in str(error)

    def test_readiness(self, kind, pki):
        """select() tells of each record, close_notify too, and pending() of a record's rest."""
        def send(server):
            server.sendall(b'x' * 16384)
            server.sendall(b'y' * 10)
        with pair(pki, peer=send, version='TLSv1.2') as (client, server):
            assert b'x' * 16000 == read_exactly(client, 16000)
            assert 384 == client.pending()
            assert b'x' * 384 == client.recv(60000)
            assert [client] == select.select([client], [], [], PATIENCE)[0]
            assert b'y' * 10 == client.recv(60000)
            assert [] == select.select([client], [], [], 0)[0]
            ending = Background(server.unwrap)
            assert [client] == select.select([client], [], [], PATIENCE)[0]
            assert b'' == client.recv(60000)
            client.unwrap()
            ending.result()

    @pytest.mark.parametrize('rest', [b'+', b'plaintext again'])
    def test_unwrap(self, kind, pki, rest):
        """unwrap() gives a socket for the plaintext that follows, however soon it comes."""
        def end(server):
            server.sendall(b'x' * 16384 + b'last')
            plain = socket.socket(_sock=server.unwrap())
            plain.sendall(rest)
            plain.shutdown(socket.SHUT_WR)
            return plain
        with connection() as (near, far):
            server = Background(lambda: end(stock(pki.server_context(), far, server_side=True)))
            client = pki.client_context().wrap_socket(near, server_hostname='localhost')
            assert b'x' * 16384 + b'last' == read_exactly(client, 16388)
            assert b'' == client.recv(100000)
            plain = client.unwrap()
            assert [plain] == select.select([plain], [], [], PATIENCE)[0]
            assert rest == read_exactly(plain, len(rest))
            assert b'' == plain.recv(10)
            plain.sendall(b'mine')
            assert b'mine' == read_exactly(server.result(), 4)
            client.close()

    def test_in_plaintext_after_unwrap(self, kind, pki):
        """After unwrap() the socket itself is one without TLS."""
        with pair(pki, peer=lambda server: Background(server.unwrap).error) as (client, _):
            client.unwrap()
            assert (None, None, 0) == (client.cipher(), client.version(), client.pending())
            assert ValueError is type(raised(client.read))
            assert ValueError is type(raised(client.unwrap))

    def test_files(self, kind, pki):
        """The socket is closed when it and all its files are, and what a file holds is sent."""
        with pair(pki) as (client, server):
            first, second = client.makefile('rb'), client.makefile('wb')
            client.close()
            second.write(b'written\n')
            second.close()
            assert b'written\n' == read_exactly(server, 8)
            server.sendall(b'read\n')
            assert b'read\n' == first.readline()
            descriptor = client.fileno()
            first.close()
            assert errno.EBADF == raised(client.fileno).errno
            assert descriptor >= 0

    def test_the_other_is_closed(self, kind, pki):
        """Whoever closes the socket that was wrapped does not end what it was wrapped in."""
        if PYPY and kind == 'ssl':
            pytest.skip("PyPy's own sockets end with the other one")
        with connection() as (near, far):
            server = Background(stock, pki.server_context(), far, server_side=True)
            client = pki.client_context().wrap_socket(near, server_hostname='localhost')
            near.close()
            client.sendall(b'hello')
            assert b'hello' == read_exactly(server.result(), 5)
            client.close()

    @pytest.mark.skipif(PYPY, reason='PyPy frees what is dropped when it comes to it')
    def test_no_descriptor_is_left(self, kind, pki):
        """Sockets that are closed, and those that are only dropped, leave no descriptor open."""
        gc.collect()
        with listening() as (sock, address):
            before = len(os.listdir('/dev/fd'))
            for end in (lambda client: client.close(), lambda client: None,
                        lambda client: client.shutdown(socket.SHUT_RDWR)):
                server = Background(echo, sock, pki.server_context())
                client = ssl.wrap_socket(socket.create_connection(address, PATIENCE))
                died = weakref.ref(client)
                gc.disable()
                try:
                    end(client)
                    del client
                    assert died() is None
                finally:
                    gc.enable()
                raised(server.result) if server.error else server.join(PATIENCE)
                server.error = None
                del server
            ssl.wrap_socket(socket.socket()).close()
            gc.collect()
            assert before == len(os.listdir('/dev/fd'))

    def test_server_name_callback(self, kind, pki):
        """A server name callback is handed the socket, can note things on it, and its context."""
        contexts = {'localhost': pki.server_context()}
        seen = []

        def choose(sock, name, context):
            seen.append((sock, context))
            sock.asked_for = name
            sock.context = contexts[name]
        first = pki.server_context('other')
        first.set_servername_callback(choose)
        with connection() as (near, far):
            client = Background(stock, pki.client_context(), near, server_hostname='localhost')
            server = first.wrap_socket(far, server_side=True)
            assert pki.chain('localhost')[0] == client.result().getpeercert(True)
            assert [(server, first)] == seen
            assert ('localhost', contexts['localhost']) == (server.asked_for, server.context)

    def test_ragged_eof(self, kind, pki):
        """An application that suppresses a ragged EOF reads the end of the data."""
        with pair(pki, peer=lambda server: server._sock.shutdown(socket.SHUT_WR), version='TLSv1.2',
                  suppress_ragged_eofs=True) as (client, _):
            if kind == 'ssl' and ssl.OPENSSL_VERSION_INFO >= (3,):
                pytest.skip("2.7's ssl does not know OpenSSL 3's way to say so")
            assert (b'', 0) == (client.recv(10), client.recv_into(bytearray(10)))
            client.sendall(b'still')

    def test_unwrap_before_the_handshake(self, kind, pki):
        """There is nothing to unwrap: an error of ssl's."""
        with connection() as (near, far):
            near.setblocking(False)
            client = pki.client_context().wrap_socket(near, server_hostname='localhost',
                                                      do_handshake_on_connect=False)
            for _ in range(2):
                error = raised(client.unwrap)
                assert isinstance(error, ssl.SSLError) and 'shutdown while in init' in str(error)
                assert isinstance(raised(client.do_handshake), ssl.SSLWantReadError)

    @pytest.mark.parametrize('how', [socket.SHUT_RDWR, socket.SHUT_WR])
    def test_shutdown_after_the_peer_closed(self, kind, pki, how):
        """It succeeds, whether or not all that the peer has sent has been read."""
        with pair(pki) as (client, server):
            server.sendall(b'answer')
            server.close()
            assert client.shutdown(how) is None

    def test_shutdown_of_reading(self, kind, pki):
        """After shutdown(SHUT_RD) there is the end."""
        with pair(pki) as (client, server):
            server.sendall(b'answer')
            assert b'answer' == client.recv(10)
            client.shutdown(socket.SHUT_RD)
            assert (b'', 0) == (client.recv(10), client.recv_into(bytearray(10)))

    def test_names_of_an_eof(self, kind, pki):
        """An EOF without close_notify has a library and a reason: programs look for them."""
        with pair(pki, peer=lambda server: server._sock.shutdown(socket.SHUT_WR),
                  suppress_ragged_eofs=False) as (client, _):
            error = raised(client.recv, 10)
            assert isinstance(error, ssl.SSLError)
            if ssl.OPENSSL_VERSION_INFO >= (3,):
                assert error.library and error.reason
                if kind != 'ssl':  # whose names are from an old table
                    assert ('SSL', 'UNEXPECTED_EOF_WHILE_READING') == (error.library, error.reason)
            else:
                assert (None, None) == (error.library, error.reason)

    def test_server_certificate(self, kind, pki):
        """ssl.get_server_certificate returns it."""
        with listening() as (sock, address):
            Background(echo, sock, pki.server_context())
            text = ssl.get_server_certificate(address)
            assert pki.chain('localhost')[0] == ssl.PEM_cert_to_DER_cert(text)


@only_python2
class TestOurs(object):
    """What Python's own sockets cannot do, or do otherwise."""

    def test_ragged_eof(self, ours, pki):
        """Unless it is suppressed, an EOF without close_notify is an error, again and again."""
        with pair(pki, peer=lambda server: server._sock.shutdown(socket.SHUT_WR)) as (client, _):
            assert ssl.SSLEOFError is type(raised(client.recv, 10))
            assert ssl.SSLEOFError is type(raised(client.recv_into, bytearray(10)))

    @pytest.mark.parametrize('passed, expected', [({}, True), ({'suppress_ragged_eofs': False},
                                                               False)])
    def test_default(self, ours, pki, passed, expected):
        """What the application passes counts, else what `install` was given."""
        sockets.install(suppress_ragged_eofs=True)
        with pair(pki, **passed) as (client, _):
            assert expected is client.suppress_ragged_eofs
        assert expected is ssl.wrap_socket(socket.socket(), **passed).suppress_ragged_eofs
        sockets.install()
        assert False is ssl.wrap_socket(socket.socket()).suppress_ragged_eofs

    def test_timeout(self, ours, pki):
        """A timeout is Python 3's, too."""
        with pair(pki) as (client, _):
            client.settimeout(0.02)
            assert isinstance(raised(client.recv), socket.timeout)

    @pytest.mark.parametrize('end', ['close', 'shutdown'])
    def test_no_plaintext_meanwhile(self, ours, pki, end):
        """What another thread sends while the socket is being closed is never plaintext."""
        found = []
        with pair(pki) as (client, _):
            finish = client._sslobj.end

            def ending():
                finish()
                found.append(raised(client.sendall, b'secret').errno)
            client._sslobj.end = ending
            getattr(client, end)(*([] if end == 'close' else [socket.SHUT_RDWR]))
        assert [errno.EBADF] == found

    def test_close_notify(self, ours, pki):
        """close() and shutdown() tell the peer, which then knows that it has all."""
        for end in (lambda client: client.close(),
                    lambda client: client.shutdown(socket.SHUT_RDWR),
                    lambda client: client.shutdown(socket.SHUT_WR)):
            with pair(pki) as (client, server):
                server.suppress_ragged_eofs = False
                end(client)
                assert b'' == server.recv(10)

    def test_half_closed(self, ours, pki):
        """After shutdown(SHUT_WR) what the peer still sends can be read."""
        with pair(pki) as (client, server):
            client.shutdown(socket.SHUT_WR)
            assert b'' == server.recv(10)
            server.sendall(b'answer')
            assert b'answer' == read_exactly(client, 6)

    def test_shutdown_does_not_wait(self, ours, pki):
        """shutdown() ends a sendall() of another thread that the peer does not read."""
        with pair(pki) as (client, server):
            sender = Background(client.sendall, b'x' * 50000000)
            read_exactly(server, 100000)
            client.shutdown(socket.SHUT_RDWR)
            assert isinstance(raised(sender.result), socket.error)

    def test_shutdown_wakes_a_reader(self, ours, pki):
        """shutdown() ends the recv() of another thread, which is told of no truncation."""
        with pair(pki) as (client, _):
            begun = threading.Event()

            def read():
                begun.set()
                return client.recv(10)
            reader = Background(read)
            begun.wait(PATIENCE)
            client.shutdown(socket.SHUT_RDWR)
            assert b'' == reader.result()

    def test_addresses(self, ours, pki):
        """A certificate for an address is for that address."""
        with pair(pki, server_hostname='127.0.0.1') as (client, _):
            assert '127.0.0.1' == client.server_hostname
        with connection() as (near, far):
            Background(stock, pki.server_context('other'), far, server_side=True)
            error = raised(pki.client_context().wrap_socket, near, server_hostname='127.0.0.1')
            assert isinstance(error, ssl.CertificateError)

    def test_tls_in_tls(self, ours, pki):
        """A socket over one that does TLS does TLS in its TLS, and closes both."""
        def serve(far):
            outer = stock(pki.server_context('other'), far, server_side=True)
            inner = sockets.SSLSocket(outer, server_side=True, _context=pki.server_context())
            inner.sendall(read_exactly(inner, 5))
            return inner.recv(10), outer.recv(10)
        with connection() as (near, far):
            server = Background(serve, far)
            outer = pki.client_context().wrap_socket(near, server_hostname='other.example.org')
            inner = pki.client_context().wrap_socket(outer, server_hostname='localhost')
            inner.sendall(b'hello')
            assert b'hello' == read_exactly(inner, 5)
            inner.close()
            assert (b'', b'') == server.result()

    def test_session(self, ours, pki):
        """A session is resumed if it is given."""
        context, server_context = pki.client_context(version='TLSv1.2'), pki.server_context()
        sessions = [None]
        for expected in (False, True):
            with connection() as (near, far):
                server = Background(stock, server_context, far, server_side=True)
                client = context.wrap_socket(near, server_hostname='localhost',
                                             session=sessions[-1])
                server.result()
                assert expected is client.session_reused
                sessions.append(client.session)
                client.close()
                assert (None, None) == (client.session, client.session_reused)

    def test_unique(self, ours, pki):
        """It can be neither copied nor pickled: two would use one connection's keys."""
        with pair(pki) as (client, _):
            assert TypeError is type(raised(copy.copy, client))
            assert TypeError is type(raised(copy.deepcopy, client))

    def test_context_of_ours(self, ours, pki):
        """Contexts of this package make them, too."""
        with connection() as (near, far):
            server = Background(stock, pki.server_context(), far, server_side=True)
            client = pki.client_context(cls=SSLContext).wrap_socket(
                near, server_hostname='localhost')
            assert sockets.SSLSocket is type(client)
            server.result()
            client.close()

    @only_graft
    def test_by_server_name(self, ours, pki):
        """by_server_name() applies all of the context of the name to such a socket, too."""
        named = pki.server_context(trust='ca')
        context = by_server_name(pki.server_context('other'), {'localhost': named})
        with connection() as (near, far):
            server = Background(context.wrap_socket, far, server_side=True)
            client = pki.client_context(leaf='client').wrap_socket(
                near, server_hostname='localhost')
            accepted = server.result()
            assert named is accepted.context and accepted.getpeercert()
            client.close()


class TestInstall(object):
    """`install` and `uninstall`."""

    @only_python2
    def test_restores(self):
        """uninstall() gives back what was there, however often install() was called."""
        before = ssl.wrap_socket, vars(ssl.SSLContext)['wrap_socket']
        sockets.install()
        sockets.install()
        assert before[0] is not ssl.wrap_socket
        sockets.uninstall()
        sockets.uninstall()
        assert before == (ssl.wrap_socket, vars(ssl.SSLContext)['wrap_socket'])

    @only_python2
    def test_leaves_later_patches(self, monkeypatch):
        """What somebody has put there since stays."""
        monkeypatch.setattr(ssl, 'wrap_socket', ssl.wrap_socket)  # what is put back in the end
        sockets.install()
        try:
            monkeypatch.setattr(ssl, 'wrap_socket', len)
        finally:
            sockets.uninstall()
        assert len is ssl.wrap_socket

    @only_python2
    @pytest.mark.parametrize('place, name', [(ssl, 'SSLSocket'), (ssl, 'SSLContext'),
                                             (socket, 'socket')])
    def test_patched(self, monkeypatch, place, name):
        """Where somebody has replaced Python's sockets, it is refused, and nothing changes."""
        other = type(name, (getattr(place, name),), {'__module__': 'gevent'})
        before = ssl.wrap_socket
        monkeypatch.setattr(place, name, other)
        error = raised(sockets.install)
        assert (RuntimeError, True) == (type(error), 'gevent' in str(error))
        assert before is ssl.wrap_socket

    @only_python2
    def test_green_sockets_later(self, ours, pki, monkeypatch):
        """If gevent or eventlet patches later, theirs are used, by contexts from before, too."""
        context, wrap_socket = pki.client_context(), ssl.wrap_socket
        other = type('SSLSocket', (ssl.SSLSocket,), {'__module__': 'gevent'})
        with connection() as (near, far):
            server = Background(stock, pki.server_context(), far, server_side=True)
            monkeypatch.setattr(ssl, 'SSLSocket', other)
            client = context.wrap_socket(near, server_hostname='localhost')
            assert (other, True) == (type(client), client.suppress_ragged_eofs)
            server.result()
            client.close()
        with connection() as (near, far):
            assert other is type(wrap_socket(near, do_handshake_on_connect=False))

    @only_python2
    def test_other_sockets_later(self, ours, pki, monkeypatch):
        """If somebody, such as PySocks, replaces socket.socket later, this changes nothing."""
        with listening() as (sock, address):
            server = Background(echo, sock, pki.server_context())
            client = ssl.wrap_socket(socket.socket(), do_handshake_on_connect=False)
            monkeypatch.setattr(socket, 'socket', type('socket', (socket.socket,), {}))
            client.connect(address)
            client.sendall(b'hello')
            assert b'hello' == read_exactly(client, 5)
            client.unwrap().close()
            server.result()

    @pytest.mark.skipif(PY2, reason='it is for 2.7')
    def test_python3(self):
        """On Python 3, which has it all, it says so."""
        assert NotImplementedError is type(raised(sockets.install))
