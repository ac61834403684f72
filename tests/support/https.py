"""
A web server and a proxy on loopback, both over TLS or not, with the interpreter's own ssl.

Nothing here knows of sslproto27.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import select
import socket
import ssl
import sys
import threading

from tests.support.sockets import PATIENCE

if sys.version_info[0] == 2:
    from BaseHTTPServer import BaseHTTPRequestHandler, HTTPServer
    from SocketServer import ThreadingMixIn
else:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from socketserver import ThreadingMixIn

__all__ = ['Handler', 'Proxy', 'Server', 'ask', 'serving']


class Server(ThreadingMixIn, HTTPServer):
    """
    A web server, a thread for each connection.

    Attributes:
        context (ssl.SSLContext or None): for TLS.
        connections (int): how many were made.
        requests (list of str): what was asked for, in order.
        errors (list): what handshakes ended in.
        release (threading.Event): what slow answers wait for.
    """

    daemon_threads = True

    def __init__(self, handler, context=None):
        HTTPServer.__init__(self, ('127.0.0.1', 0), handler)
        self.context = context
        self.connections = 0
        self.requests, self.errors = [], []
        self.release = threading.Event()

    def server_bind(self):
        """Bind, without looking the name up."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]

    def finish_request(self, request, client_address):
        """Shake hands in the connection's own thread."""
        self.connections += 1
        request.settimeout(PATIENCE)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is not None:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except (ssl.SSLError, socket.error) as error:
                self.errors.append(error)
                return
        try:
            HTTPServer.finish_request(self, request, client_address)
        finally:
            if not getattr(request, 'is_cut_off', False):
                try:
                    request = request.unwrap() if self.context is not None else request
                except (ssl.SSLError, socket.error, ValueError):
                    pass
            request.close()

    def handle_error(self, request, client_address):
        """Keep quiet: clients go away as the tests have it."""

    def url(self, path='/', host='localhost'):
        """Return a URL of this server."""
        return '%s://%s:%d%s' % ('https' if self.context else 'http', host, self.server_port, path)


class Handler(BaseHTTPRequestHandler):
    """What the server can be asked for; each method is a path."""

    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True

    def do_GET(self):
        """Answer the path's first part by the method of that name, with the rest as arguments."""
        self.server.requests.append(self.path)
        parts = self.path.strip('/').split('/')
        getattr(self, 'get_' + (parts[0] or 'root'))(*parts[1:])

    do_POST = do_GET

    def log_message(self, *args):
        """Keep quiet."""

    def answer(self, body, status=200, **headers):
        """Send a whole answer."""
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def get_root(self):
        """Say hello."""
        self.answer(b'hello')

    def get_bytes(self, size):
        """Send that many bytes."""
        self.answer((b'0123456789abcdef' * (int(size) // 16 + 1))[:int(size)])

    def get_chunked(self, count):
        """Send that many chunks of 1000 bytes."""
        self.send_response(200)
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        for number in range(int(count)):
            self.wfile.write(b'3e8\r\n' + (b'%d' % (number % 10)) * 1000 + b'\r\n')
        self.wfile.write(b'0\r\n\r\n')

    def get_echo(self):
        """Send back what was sent."""
        if self.headers.get('Transfer-Encoding') == 'chunked':
            chunks = []
            while True:
                size = int(self.rfile.readline(), 16)
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
                if not size:
                    break
            self.answer(b''.join(chunks))
        else:
            self.answer(self.rfile.read(int(self.headers['Content-Length'])))

    def get_peer(self):
        """Send the client's certificate, in DER."""
        self.answer(self.connection.getpeercert(True) or b'none')

    def get_slow(self):
        """Answer when the test says so."""
        self.server.release.wait(PATIENCE)
        self.answer(b'at last')

    def get_halting(self):
        """Send half of the body, and the rest when the test says so."""
        self.send_response(200)
        self.send_header('Content-Length', '2000')
        self.end_headers()
        self.wfile.write(b'x' * 1000)
        self.wfile.flush()
        self.server.release.wait(PATIENCE)
        self.wfile.write(b'y' * 1000)

    def get_unmeasured(self):
        """Send a body that ends with the connection."""
        self._unmeasured()

    def get_truncated(self):
        """The same, but cut off: no close_notify."""
        self._unmeasured()
        self.connection.is_cut_off = True

    def get_short(self):
        """Send less than was promised, and cut off."""
        self.send_response(200)
        self.send_header('Content-Length', '2000')
        self.end_headers()
        self.wfile.write(b'x' * 1000)
        self.close_connection = True
        self.connection.is_cut_off = True

    def get_nothing(self):
        """Cut off instead of an answer."""
        self.close_connection = True
        self.connection.is_cut_off = True

    def _unmeasured(self):
        self.send_response(200)
        self.send_header('Connection', 'close')
        self.end_headers()
        self.wfile.write(b'x' * 1000)
        self.close_connection = True

    def get_redirect(self):
        """Send to the root."""
        self.answer(b'', 302, Location='/')


class Proxy(BaseHTTPRequestHandler):
    """A proxy: CONNECT to loopback alone, and plain HTTP not at all."""

    def do_CONNECT(self):
        """Connect, and carry bytes both ways until either side ends."""
        self.server.requests.append(self.path)
        try:
            far = socket.create_connection(('127.0.0.1', int(self.path.split(':')[-1])), PATIENCE)
        except socket.error:
            self.send_error(502)
            return
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wfile.write(b'HTTP/1.1 200 Connection established\r\n\r\n')
        self.wfile.flush()
        try:
            _relay(self.connection, far)
        finally:
            far.close()
        self.close_connection = True

    def log_message(self, *args):
        """Keep quiet."""


def _relay(near, far):
    """Carry bytes both ways, in one thread as Python 2's ssl needs it, until either side ends."""
    others = {near: far, far: near}
    while True:
        ready = [sock for sock in others if isinstance(sock, ssl.SSLSocket) and sock.pending()]
        for sock in ready or select.select(list(others), [], [], PATIENCE)[0]:
            data = sock.recv(65536)
            if not data:
                return
            others[sock].sendall(data)


@contextlib.contextmanager
def serving(handler=Handler, context=None):
    """Run a server; give it."""
    server = Server(handler, context)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.daemon = True
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)


def ask(pki, port, request):
    """Return all that a server on loopback answers to *request* (bytes)."""
    sock = pki.client_context().wrap_socket(
        socket.create_connection(('127.0.0.1', port), PATIENCE), server_hostname='localhost')
    sock.sendall(request)
    answer = b''
    while True:
        data = sock.recv(65536)
        if not data:
            break
        answer += data
    sock.close()
    return answer
