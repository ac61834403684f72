"""``serve``: echo, or a directory over HTTPS, a thread a connection."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import re
import signal
import socket
import ssl
import sys
import threading

from six.moves.SimpleHTTPServer import SimpleHTTPRequestHandler
from six.moves.socketserver import BaseRequestHandler, TCPServer, ThreadingMixIn
from six.moves.urllib.parse import unquote_to_bytes

from .._core.socket import SSLSocket
from .addresses import address, bound, host_name, written
from .authority import temporary_authority
from .console import Console, UserError, count
from .contexts import server_context
from .limits import TimedSocket, add_limits, make_room

HELP = 'serve echoes, or a directory over HTTPS'
EPILOG = (
    'Without --cert an authority is made for as long as the server runs; the first lines say where'
    ' its certificate is, for clients to trust. For trying things out, and for tests: a thread a'
    ' connection.')

#: Open files of a connection: the client's, and the one that it gets.
_FILES = 2

#: Tenths of a second that threads have to end in.
_LAST = 10

#: Statuses (RFC 9110 15.5.1, RFC 6585 5); Python 2 has no name for the latter.
_BAD, _TOO_LARGE = 400, 431

#: What comes before the path of a request that names the host as well (RFC 9112 3.2.2).
_ORIGIN = re.compile(r'(?i)https?://[^/?#]*(?=/)')

#: A percent sign that encodes nothing (RFC 3986 2.1).
_BAD_ESCAPE = re.compile(r'%(?![0-9A-Fa-f]{2})')


def add_arguments(parser):
    """Add the command's arguments to *parser*."""
    parser.add_argument('directory', nargs='?', metavar='DIRECTORY',
                        help='serve its files over HTTPS; without it all that comes is sent back')
    parser.add_argument('--listen', default='127.0.0.1:8443', metavar='[HOST]:PORT',
                        help='where (127.0.0.1:8443); port 0 lets the system choose')
    parser.add_argument('--cert', metavar='FILE',
                        help='certificate chain, and its key unless --key is given (PEM)')
    parser.add_argument('--key', metavar='FILE', help='private key (PEM)')
    parser.add_argument('--name', action='append', metavar='NAME',
                        help='a name for the certificate that is made (localhost, 127.0.0.1, ::1);'
                        ' may be given again')
    parser.add_argument('--client-ca', metavar='FILE',
                        help='let clients in that show a certificate of these authorities (PEM)')
    parser.add_argument('--alpn', action='append', metavar='NAME',
                        help='a protocol to agree on; may be given again')
    limits = add_limits(parser, connections=100, idle=60)
    limits.add_argument('--max-request', type=count, default=65536, metavar='BYTES',
                        help='of the first line and the header of a request (65536)')


def run(arguments):
    """Serve until Ctrl-C or SIGTERM."""
    console = Console(patient=False)
    if arguments.directory is not None and not os.path.isdir(arguments.directory):
        raise UserError('%s is not a directory', arguments.directory)
    if arguments.key and not arguments.cert:
        raise UserError('--key needs --cert')
    where = address(arguments.listen, default_host='127.0.0.1')
    make_room(arguments.max_connections, _FILES)
    with _certificate(arguments) as (trusted, own):
        context = server_context(own, arguments.key, arguments.client_ca, arguments.alpn)
        handler = _Echo if arguments.directory is None else _Files
        server = _Server(bound(where), handler, context, console, arguments)
        try:
            if arguments.directory is not None:
                os.chdir(arguments.directory)  # where the handlers of all Pythons look
            _announce(server.server_address[1], where[0], arguments, trusted)
            signal.signal(signal.SIGTERM, _stop)
            server.serve_forever()
        finally:
            server.end()


def _stop(number, frame):
    """End the main thread in an orderly way: the temporary files are removed."""
    sys.exit(0)


@contextlib.contextmanager
def _certificate(arguments):
    """Give (what clients have to trust, or None, and our certificate): paths."""
    if arguments.cert:
        yield None, arguments.cert
        return
    names = arguments.name or ['localhost', '127.0.0.1', '::1']
    with temporary_authority(names) as made:
        yield made


def _announce(port, host, arguments, trusted):
    console = Console(sys.stdout)
    what = 'echoes' if arguments.directory is None else arguments.directory
    console.line('serving ', what, ' on ', written(host, port))
    if trusted:
        console.line('trusted by who trusts ', trusted)
        name = host_name('--name', (arguments.name or ['localhost'])[0])
        console.line(('dim', 'try: '), 'sslproto27 connect %s --cafile %s' % (
            written(name, port), trusted) if arguments.directory is None else
            'curl --cacert %s https://%s/' % (trusted, written(name, port)))


class _Server(ThreadingMixIn, TCPServer):
    """
    Does TLS in the thread of the connection, so that nobody waits for another's handshake.

    Attributes:
        console (Console): for what there is to say.
        limits: what the command line says, by the options' names.
    """

    daemon_threads = True

    def __init__(self, listener, handler, context, console, limits):
        self.context = context
        self.console = console
        self.limits = limits
        self._running = 0
        self._open = set()  # connections
        self._ending = False
        self._ended = threading.Condition()
        TCPServer.__init__(self, listener.getsockname(), handler, bind_and_activate=False)
        self.socket.close()  # its own, of a family that may be the wrong one
        self.socket = listener
        self.server_activate()

    def process_request(self, request, client_address):
        """Start a thread for the connection, once there may be one more."""
        with self._ended:
            while self._running >= self.limits.max_connections:
                self._ended.wait(1)  # without a time Python 2 would not let Ctrl-C through
            self._running += 1
            self._open.add(request)
        ThreadingMixIn.process_request(self, request, client_address)

    def process_request_thread(self, request, client_address):
        """Serve the connection, in its thread."""
        try:
            ThreadingMixIn.process_request_thread(self, request, client_address)
        finally:
            with self._ended:
                self._running -= 1
                self._open.discard(request)
                self._ended.notify()

    def end(self):
        """Cut all off: threads that go on while the interpreter ends print what is no use."""
        self.server_close()
        with self._ended:
            self._ending = True
            for request in self._open:
                try:
                    request.shutdown(socket.SHUT_RDWR)
                except socket.error:
                    pass  # it has gone by itself
            for _ in range(_LAST):
                if self._running:
                    self._ended.wait(0.1)

    def finish_request(self, request, client_address):
        """Shake hands, then let the handler do the rest."""
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        timed = TimedSocket(request)
        timed.within(self.limits.handshake_timeout)
        with contextlib.closing(SSLSocket(timed, self.context, server_side=True)) as secure:
            timed.within(self.limits.idle_timeout)
            TCPServer.finish_request(self, secure, client_address)

    def handle_error(self, request, client_address):
        """Say in one line what became of a connection; a program's mistake is no line."""
        error = sys.exc_info()[1]
        if self._ending:
            return
        if not isinstance(error, (ssl.SSLError, socket.error)):
            raise error
        self.console.line(written(*client_address[:2]), ' ', error)


class _Echo(BaseRequestHandler):
    """Sends back what comes."""

    def handle(self):
        """Do so until the client ends its side."""
        self.request.settimeout(self.server.limits.idle_timeout)
        while True:
            data = self.request.recv(65536)
            if not data:
                return
            self.request.sendall(data)


class _Refused(Exception):
    """The head of a request has no answer but this: a status, and its text."""


class _Head(object):
    """A file that gives the lines of a head, up to a limit in bytes, or is `_Refused`."""

    def __init__(self, file, limit):
        self._file, self._left = file, limit
        self._is_first, self._is_over = True, False

    def readline(self, size=-1):
        """Return the next line, or its first *size* bytes."""
        line = self._line(size)
        while self._is_first and line in (b'\r\n', b'\n'):
            line = self._line(size)  # RFC 9112 2.2: these are to be ignored
        if not self._is_first and not self._is_over:
            self._is_over = line in (b'\r\n', b'\n', b'')
            is_continued = line[:1] in (b' ', b'\t')
            if b'\0' in line or not (self._is_over or is_continued or b':' in line):
                raise _Refused(_BAD, 'Bad Request')
        self._is_first = False
        return line

    def _line(self, size):
        size = min(size, self._left + 1) if size >= 0 else self._left + 1
        line = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise _Refused(_TOO_LARGE, 'Request Header Fields Too Large')
        return line

    def __getattr__(self, name):
        return getattr(self._file, name)


class _Files(SimpleHTTPRequestHandler):
    """
    Serves the files of the current directory, and logs requests as lines that nothing obeys.

    A request has to be there in the time of silence: who sends it byte by byte is cut off, too.
    """

    server_version = 'sslproto27'

    # For an answer to a request of which nothing is known yet.
    command, requestline, request_version = None, '', 'HTTP/1.0'
    default_request_version = 'HTTP/1.0'  # an answer to 0.9's has no status

    def setup(self):
        """Let a request's head have its limit."""
        SimpleHTTPRequestHandler.setup(self)
        self.rfile = _Head(self.rfile, self.server.limits.max_request)

    def handle(self):
        """Answer a request."""
        try:
            SimpleHTTPRequestHandler.handle(self)
        except _Refused as error:
            self.send_error(*error.args)

    def parse_request(self):
        """Read the rest of the request; from then on each piece of the answer has its time."""
        is_good = SimpleHTTPRequestHandler.parse_request(self)
        self.request.settimeout(self.server.limits.idle_timeout)
        if not is_good:
            return False
        self.path = _ORIGIN.sub('', self.path, 1) if self.path[:1] != '/' else self.path
        path = self.path.partition('?')[0]
        if (path[:1] != '/' or '\0' in self.path or b'\0' in unquote_to_bytes(path)
                or _BAD_ESCAPE.search(path)):
            self.send_error(_BAD, 'Bad Request')
            return False
        # Else a redirection to it would lead to another host: RFC 3986 4.2, and browsers take
        # a backslash for a slash.
        self.path = re.sub('^/+', '/', self.path.replace('\\', '%5C'))
        return True

    def log_message(self, format, *args):
        """Print one line."""
        self.server.console.line('%s ' % self.client_address[0], format % args)
