"""Sockets for HTTPS: signals while they wait, and what select() tells of them."""
from __future__ import absolute_import, division, print_function

import contextlib
import select
import socket
import threading
import time

import pytest

from sslproto27 import SSLPipe
from tests.support.sessions import pattern
from tests.support.signals import Alarm, needs_signals
from tests.support.sockets import PATIENCE, Background

pytestmark = pytest.mark.filterwarnings('ignore:Unverified HTTPS request')


@needs_signals
class TestSignals(object):
    """Signals with handlers of Python end no request, wherever it waits."""

    def test_wait_for_the_answer(self, session, server):
        """It is received after signals."""
        assert b'hello' == session.get(server.url()).content  # connects: that is the system's
        with Alarm(0.002) as alarm:
            timer = threading.Timer(0.1, server.release.set)
            timer.start()
            assert 200 == session.get(server.url('/slow'), timeout=PATIENCE).status_code
            timer.join()
        assert (1, True) == (server.connections, alarm.count > 10)

    def test_large_bodies(self, session, server):
        """So are bodies of megabytes, up and down."""
        body = pattern(5000003)
        assert b'hello' == session.get(server.url()).content
        with Alarm(0.001) as alarm:
            assert body == session.post(server.url('/echo'), data=body).content
        assert (1, True) == (server.connections, alarm.count > 10)

    def test_handshake(self, session, pki):
        """So is an answer whose handshake waits."""
        with contextlib.closing(socket.socket()) as listener, Alarm(0.002) as alarm:
            alarm.stop()  # to connect is the system's, which a signal may interrupt
            listener.bind(('127.0.0.1', 0))
            listener.listen(1)

            def serve():
                sock = listener.accept()[0]
                time.sleep(0.05)
                alarm.start()
                alarm.wait(10)
                tls = pki.server_context().wrap_socket(sock, server_side=True)
                tls.recv(10000)
                alarm.wait(10)
                tls.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
                tls.close()
            peer = Background(serve)
            assert b'ok' == session.get(
                'https://localhost:%d/' % listener.getsockname()[1]).content
            peer.result()


class PipeServer(object):
    """
    A server of connections that are pipes: the test decides what is sent together.

    Args:
        answer (callable): called with the pipe, once a request has come; what it returns goes out
            in one call. The connection stays open until the server is closed.
    """

    def __init__(self, context, answer):
        self.context, self.answer = context, answer
        self.listener = socket.socket()
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen(5)
        self.url = 'https://localhost:%d/' % self.listener.getsockname()[1]
        self.ends = []
        self.thread = threading.Thread(target=self.run)
        self.thread.daemon = True
        self.thread.start()

    def run(self):
        """Serve one connection after the other."""
        while True:
            try:
                end = self.listener.accept()[0]
            except socket.error:
                return
            self.ends.append(end)
            pipe = SSLPipe(self.context, server_side=True)
            pipe.do_handshake()
            end.sendall(pipe.data_to_send())
            request = b''
            while b'\r\n\r\n' not in request:
                pipe.feed_ssldata(end.recv(65536))
                request += pipe.appdata_received()
                end.sendall(pipe.data_to_send())
            end.sendall(self.answer(pipe))

    def close(self):
        """End all connections."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(PATIENCE)
        for end in self.ends:
            end.close()


class TestReadiness(object):
    """select() on a socket that the program did not choose tells what it tells of ssl's."""

    @pytest.mark.parametrize('size', [2, 20000, 200000])
    @pytest.mark.parametrize('end', ['close_notify', 'garbage'])
    def test_kept_connection_has_ended(self, session, pki, tls_version, size, end):
        """
        A connection that is kept, but whose TLS has ended right after the answer, is not used
        again.
        """
        def answer(pipe):
            pipe.feed_appdata(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size
                              + pattern(size))
            if end == 'garbage':
                return pipe.data_to_send() + b'\x17\x03\x03\x00\x20' + b'broken' * 6
            pipe.shutdown()
            return pipe.data_to_send()
        with contextlib.closing(
                PipeServer(pki.server_context(version=tls_version), answer)) as server:
            for _ in range(2):
                response = session.get(server.url, timeout=PATIENCE, stream=True)
                assert pattern(size) == b''.join(response.iter_content(1 << 20))
            assert 2 == len(server.ends)

    @pytest.mark.parametrize('size', [1, 7, 100, 20000, 100000])
    def test_select(self, session, pki, tls_version, size):
        """Who reads when select() says so gets all that has come, however much he reads at once."""
        frames = [pattern(length) for length in (7, 1, 16384, 16383, 40000, 16384, 5)]

        def answer(pipe):
            records = []
            for frame in [b'HTTP/1.1 101 UPGRADED\r\n\r\n'] + frames:
                pipe.feed_appdata(frame)
                records.append(pipe.data_to_send())
            return b''.join(records)
        with contextlib.closing(
                PipeServer(pki.server_context(version=tls_version), answer)) as server:
            response = session.get(server.url, stream=True, timeout=PATIENCE)
            sock = response.raw._connection.sock
            received = b''
            while len(received) < len(b''.join(frames)):
                if size < 16384:  # the rest of a record is nothing that select() could know of
                    assert sock.pending() or [sock] == select.select([sock], [], [], PATIENCE)[0]
                else:
                    assert [sock] == select.select([sock], [], [], PATIENCE)[0]
                received += sock.recv(size)
            assert b''.join(frames) == received
            response.close()

    def test_end_is_readable(self, session, pki, tls_version):
        """Who has read all before close_notify, and that along, is told that there is an end."""
        def answer(pipe):
            pipe.feed_appdata(b'HTTP/1.1 101 UPGRADED\r\n\r\n')
            records = pipe.data_to_send()
            pipe.feed_appdata(b'last words')
            pipe.shutdown()
            return records + pipe.data_to_send()
        with contextlib.closing(
                PipeServer(pki.server_context(version=tls_version), answer)) as server:
            response = session.get(server.url, stream=True, timeout=PATIENCE)
            sock = response.raw._connection.sock
            assert b'last words' == sock.recv(100000)
            assert [sock] == select.select([sock], [], [], 0)[0]
            assert b'' == sock.recv(1)
            response.close()
