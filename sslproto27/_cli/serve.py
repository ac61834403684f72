"""``serve``: serves echoes, or a directory over HTTPS, with a thread for each connection."""
from __future__ import absolute_import, division, print_function

import calendar
import contextlib
import datetime
import errno
import os
import re
import socket
import ssl
import stat
import sys
import threading
from email.utils import parsedate_tz

from six.moves.SimpleHTTPServer import SimpleHTTPRequestHandler
from six.moves.socketserver import BaseRequestHandler, TCPServer, ThreadingMixIn
from six.moves.urllib.parse import quote, unquote_to_bytes

from .._core.compat import PY2, to_native
from .._core.socket import SSLSocket
from .._core.waiting import is_ready
from .addresses import address, bound, host_name, written
from .authority import temporary_authority
from .console import Console, UsageError, UserError, count, protocol
from .contexts import authorities, server_context
from .folders import ending_in_order
from .limits import TimedSocket, add_limits, make_room

HELP = 'serve echoes, or a directory over HTTPS'
EPILOG = (
    'Without --cert the server makes a temporary authority; the first lines say where its'
    ' certificate is, for clients to trust. This is for experiments and tests: each connection has'
    ' a thread.')

#: The protocols over which a directory is served, as ALPN names them.
_SPOKEN = {'http/1.0', 'http/1.1'}

#: How many files a connection has open: its socket, and the file that it gets.
_FILES = 2

#: Tenths of a second to wait until the threads have ended.
_LAST = 10

#: Statuses (RFC 9110 15.4 to 15.6, RFC 6585 5); Python 2 has no name for 431.
_UNCHANGED, _BAD, _FORBIDDEN, _MISSING, _NOT_ALLOWED, _CHANGED = 304, 400, 403, 404, 405, 412
_TOO_LONG, _TOO_LARGE, _FAILED, _UNKNOWN, _TOO_NEW = 414, 431, 500, 501, 505

#: The status for a file that cannot be opened, by the error's number; for other numbers, 500.
_UNOPENED = dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG), _MISSING)
_UNOPENED.update(dict.fromkeys((errno.EACCES, errno.EPERM, errno.ELOOP), _FORBIDDEN))

#: The longest request line, in bytes: that of nginx.
_LONGEST_LINE = 8192

#: The beginning of a request line that nginx takes: a method, and a path or a URI (RFC 9112 3).
_START = (br'[A-Z_-]+ +(?:/|[A-Za-z][A-Za-z0-9+.-]*://'
          br'(?:(?!\.?[:/? ])(?![^/? ]*\.\.)[A-Za-z0-9.-]+|\[[^\0- /?#@\x7f]*\])'
          br'(?::[0-9]*)?(?=[/? ]))[^\0- \x7f]*')

#: Such a line, with the version, which HTTP/0.9 has not.
_LINE = re.compile(_START + br'( +HTTP/1\.[0-9]{1,3})? *\r?\n?\Z')

#: One of HTTP/2 or later, whatever follows.
_NEW_LINE = re.compile(_START + br' +HTTP/(?:[2-9]|1[0-9])')

#: The part before the path, in a request that also names the host (RFC 9112 3.2.2).
_ORIGIN = re.compile(r'\A[A-Za-z][A-Za-z0-9+.-]*://[^/?]*')

#: A line of a header field (RFC 9112 5.1): no space before the colon, no folding, no NUL, no CR.
#: The colon may be missing: then the line is ignored.
_FIELD = re.compile(br'[^\0- :\x7f]+(:[^\0\r\n]*)?\r?\n?\Z')

#: The value of Host: a name or an address, perhaps with a port.
_HOST = re.compile(r'(?!\.?(?::|\Z))(?!.*\.\.)[^\0- /\x7f]+\Z')
_LENGTH = re.compile('[0-9]{1,18}\\Z')

#: Files that are served for a directory, if they are there.
_INDEXES = ('index.html', 'index.htm')

#: What is encoded in a path: browsers treat a backslash as a slash, and Python 3's server takes
#: bytes of UTF-8 for Latin-1, some of them for spaces.
_UNSAFE = re.compile(br'[\\\x80-\xff]')

#: A percent sign that encodes nothing (RFC 3986 2.1).
_BAD_ESCAPE = re.compile(r'%(?![0-9A-Fa-f]{2})')


def add_arguments(parser):
    """Add the command's arguments to *parser*."""
    parser.add_argument('directory', nargs='?', metavar='DIRECTORY',
                        help='serve its files over HTTPS; without it, echo all received data')
    parser.add_argument('--listen', default='127.0.0.1:8443', metavar='[HOST]:PORT',
                        help='the address (default 127.0.0.1:8443); port 0 lets the system choose')
    parser.add_argument('--cert', metavar='FILE',
                        help='certificate chain, with its key unless --key is given (PEM)')
    parser.add_argument('--key', metavar='FILE', help='private key (PEM)')
    parser.add_argument('--name', action='append', metavar='NAME',
                        help='a name for the temporary certificate (default localhost, 127.0.0.1'
                        ' and ::1); repeat it for several')
    parser.add_argument('--client-ca', metavar='FILE',
                        help='require client certificates from these authorities (PEM)')
    parser.add_argument('--alpn', action='append', type=protocol, metavar='NAME',
                        help='a protocol to accept; repeat it for several')
    limits = add_limits(parser, connections=100, idle=60)
    limits.add_argument('--max-request', type=count, default=65536, metavar='BYTES',
                        help="limit of a request's first line and header (default 65536)")


def run(arguments):
    """Serve until Ctrl-C or SIGTERM."""
    console = Console(patient=False)
    if arguments.key is not None and arguments.cert is None:
        raise UsageError('--key needs --cert')
    if arguments.name and arguments.cert is not None:
        raise UsageError('--name is for the temporary certificate, so it cannot go with --cert')
    if arguments.directory is not None:
        for name in set(arguments.alpn or ()) - _SPOKEN:
            raise UsageError('--alpn: a DIRECTORY is served over HTTP/1 alone, not over %s', name)
    where = address(arguments.listen, default_host='127.0.0.1')
    if arguments.directory is not None and not os.path.isdir(arguments.directory):
        raise UserError('%s is not a directory', arguments.directory)
    make_room(arguments.max_connections, _FILES)
    with ending_in_order(), _context(arguments) as (trusted, context):
        handler = _Echo if arguments.directory is None else _Files
        server = _Server(bound(where), handler, context, console, arguments)
        try:
            if arguments.directory is not None:
                _enter(arguments.directory)
            _announce(server.server_address[1], where[0], arguments, trusted)
            server.serve_forever()
        finally:
            server.end()


def _enter(directory):
    """Make *directory* the current one: the handlers of all Pythons serve that."""
    try:
        os.chdir(directory)
    except OSError as error:
        raise UserError('%s: %s', directory, error)


@contextlib.contextmanager
def _context(arguments):
    """Give the path of the authority for clients to trust, or None, and our context."""
    def load(own):
        trusted = authorities('--client-ca', arguments.client_ca)
        return server_context(own, arguments.key, trusted, arguments.alpn)

    if arguments.cert is not None:
        yield None, load(arguments.cert)
        return
    names = arguments.name or ['localhost', '127.0.0.1', '::1']
    with temporary_authority(names, load) as made:
        yield made


def _announce(port, host, arguments, trusted):
    console = Console(sys.stdout)
    what = 'echoes' if arguments.directory is None else arguments.directory
    console.line('serving ', what, ' on ', written(host, port))
    if trusted:
        console.line('to trust this server, use the CA file ', trusted)
        name = host_name('--name', (arguments.name or ['localhost'])[0])
        console.line(('dim', 'try: '), 'sslproto27 connect %s --cafile %s' % (
            written(name, port), trusted) if arguments.directory is None else
            'curl --cacert %s https://%s/' % (trusted, written(name, port)))


class _Server(ThreadingMixIn, TCPServer):
    """
    Does TLS in the connection's thread, so that no client waits for the handshake of another.

    Attributes:
        console (Console): for messages.
        limits: the command line's options.
    """

    daemon_threads = True

    def __init__(self, listener, handler, context, console, limits):
        self.context = context
        self.console = console
        self.limits = limits
        self._running = 0
        self._open = set()  # connections
        self._is_stopping = False
        self._ended = threading.Condition()
        TCPServer.__init__(self, listener.getsockname(), handler, bind_and_activate=False)
        self.socket.close()  # TCPServer has made one, perhaps of the wrong address family
        self.socket = listener
        self.server_activate()

    def serve_forever(self, poll_interval=0.5):
        """Accept clients for ever; 2.7's own method cannot if a descriptor is above 1023."""
        while True:
            if is_ready(self.fileno(), False, poll_interval):
                self._handle_request_noblock()

    def process_request(self, request, client_address):
        """Start a thread for the connection, once the limit allows one more."""
        with self._ended:
            while self._running >= self.limits.max_connections:
                self._ended.wait(1)  # without a timeout, Python 2 would ignore Ctrl-C
            self._running += 1
            self._open.add(request)
        try:
            ThreadingMixIn.process_request(self, request, client_address)
        except threading.ThreadError as error:  # the system allows no more of them
            self._forget(request)
            self.console.line(written(*client_address[:2]), ' refused: ', error)
            self.shutdown_request(request)

    def process_request_thread(self, request, client_address):
        """Serve the connection, in its thread."""
        try:
            ThreadingMixIn.process_request_thread(self, request, client_address)
        finally:
            self._forget(request)

    def _forget(self, request):
        with self._ended:
            self._running -= 1
            self._open.discard(request)
            self._ended.notify()

    def end(self):
        """End all connections: threads that still run at the interpreter's end print tracebacks."""
        self.server_close()
        with self._ended:
            self._is_stopping = True
            for request in self._open:
                try:
                    request.shutdown(socket.SHUT_RDWR)
                except socket.error:
                    pass  # the client has already left
            for _ in range(_LAST):
                if self._running:
                    self._ended.wait(0.1)

    def finish_request(self, request, client_address):
        """Do the handshake, then call the handler."""
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        timed = TimedSocket(request)
        timed.within(self.limits.handshake_timeout)
        with contextlib.closing(SSLSocket(timed, self.context, server_side=True)) as secure:
            timed.within(self.limits.idle_timeout)
            TCPServer.finish_request(self, secure, client_address)

    def handle_error(self, request, client_address):
        """Print a connection's failure as one line; raise an error of the program itself."""
        error = sys.exc_info()[1]
        if self._is_stopping:
            return
        if not isinstance(error, (ssl.SSLError, socket.error)):
            raise error
        self.console.line(written(*client_address[:2]), ' ', error)


class _Echo(BaseRequestHandler):
    """Sends back all received data."""

    def handle(self):
        """Do so until the client ends its side."""
        self.request.settimeout(self.server.limits.idle_timeout)
        while True:
            data = self.request.recv(65536)
            if not data:
                return
            self.request.sendall(data)


def _is_inside(path):
    """Return whether *path* (bytes) has no NUL and never leads above the root."""
    depth = 0
    for part in path.split(b'/'):
        depth += -1 if part == b'..' else part not in (b'', b'.')
        if depth < 0:
            return False
    return b'\0' not in path


def _in_locale(path):
    """
    Return a path so that Python's own server finds the file whose name has these bytes.

    Python 3's takes them for UTF-8, whatever the locale, and surrogates for other bytes.
    """
    return path if PY2 else '/'.join(map(_part_in_locale, path.partition('?')[0].split('/')))


def _part_in_locale(part):
    name = unquote_to_bytes(part)
    try:
        os.fsencode(name.decode('utf-8', 'surrogatepass'))
    except UnicodeError:
        return quote(os.fsdecode(name), errors='surrogatepass')
    return part


def _seconds(date):
    """Return the seconds since the epoch of an HTTP date (RFC 9110 5.6.7); None if it is none."""
    try:
        fields = parsedate_tz(date)
        if fields[9]:  # another zone than GMT
            return None
        return calendar.timegm(datetime.datetime(*fields[:6]).timetuple())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _opened(path):
    """Return an open file; only a regular one, since opening anything else can block."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    return open(path, 'rb')


def _index(directory):
    """Return the open index of a directory, or None if it has none and may be listed."""
    for name in _INDEXES:
        path = os.path.join(directory, name)
        try:
            is_file = not stat.S_ISDIR(os.stat(path).st_mode)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            is_file = False
        if is_file:
            return _opened(path)
    os.listdir(directory)
    return None


class _Refused(Exception):
    """The head of a request is refused; the arguments are a status and its text."""


class _Head(object):
    """A file that returns the lines of a request's head; beyond a limit it raises `_Refused`."""

    def __init__(self, file, limit):
        self._file, self._left = file, limit
        self._is_first, self._is_over = True, False

    def readline(self, size=-1):
        """Return the next line, or its first *size* bytes."""
        line = self._line(size)
        while self._is_first and line in (b'\r\n', b'\n'):
            line = self._line(size)  # RFC 9112 2.2: ignore empty lines before a request
        while not self._is_first and not self._is_over:
            self._is_over = line in (b'\r\n', b'\n', b'')
            found = self._is_over or _FIELD.match(line)
            if not found:
                raise _Refused(_BAD, 'Bad Request')
            if self._is_over or found.group(1):
                break
            line = self._line(size)
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
    Serves the files of the current directory, and logs requests, without control characters.

    A request must be complete within the idle timeout, so a client that sends it byte by byte is
    cut off too.
    """

    server_version = 'sslproto27'

    # For an answer to a request that has not been parsed yet.
    command, requestline, request_version = None, '', 'HTTP/1.0'
    default_request_version = 'HTTP/1.0'  # with 0.9, an answer would have no status

    def setup(self):
        """Limit the head of a request."""
        SimpleHTTPRequestHandler.setup(self)
        self.rfile = _Head(self.rfile, self.server.limits.max_request)

    def handle(self):
        """Answer a request."""
        try:
            SimpleHTTPRequestHandler.handle(self)
        except _Refused as error:
            self.send_error(*error.args)

    def parse_request(self):
        """Parse the request; from then on, the timeout is for each piece of the answer."""
        is_good = self._parse()
        self.request.settimeout(self.server.limits.idle_timeout)
        if not is_good:
            return False
        path, mark, query = _ORIGIN.sub('', self.path, 1).partition('?')
        if unquote_to_bytes(path).rpartition(b'/')[2] in (b'.', b'..'):
            path += '/'
        # With two slashes, a redirection to this path could lead to another host: RFC 3986 4.2.
        self.path = re.sub('^/*', '/', path) + mark + query
        return True

    def _parse(self):
        """Return whether the head is valid; if not, it has been answered."""
        found = _LINE.match(self.raw_requestline)
        self.requestline = self.raw_requestline.decode('latin-1').rstrip('\r\n')  # for the log
        if len(self.raw_requestline) > _LONGEST_LINE:
            self.send_error(_TOO_LONG)
            return False
        if not found:
            is_new = _NEW_LINE.match(self.raw_requestline)
            self.send_error(*(_TOO_NEW,) if is_new else (_BAD, 'Bad Request'))
            return False
        self.raw_requestline = _UNSAFE.sub(
            lambda byte: ('%%%02X' % ord(byte.group())).encode('ascii'), self.raw_requestline)
        words = to_native(self.raw_requestline).split()
        path = _ORIGIN.sub('', words[1], 1).partition('?')[0]
        if _BAD_ESCAPE.search(path) or not _is_inside(unquote_to_bytes(path)):
            self.send_error(_BAD, 'Bad Request')
            return False
        if not found.group(1) and words[0] == 'GET':  # HTTP/0.9: nothing follows
            self.command, self.path = words
            self.request_version, self.close_connection, self.headers = 'HTTP/0.9', True, {}
            return True
        if not SimpleHTTPRequestHandler.parse_request(self):
            return False
        status = self._fault()
        if status:
            self.send_error(status)
        return not status

    def _values(self, name):
        """Return the values of all header fields of a name."""
        if not self.headers:  # HTTP/0.9
            return []
        values = self.headers.getheaders if PY2 else self.headers.get_all
        return [value.strip() for value in values(name) or []]

    def _fault(self):
        """Return the status that refuses the request, as nginx does; 0 if there is no fault."""
        hosts, lengths, codings = map(
            self._values, ('Host', 'Content-Length', 'Transfer-Encoding'))
        is_old = self.request_version == 'HTTP/1.0'
        if (len(hosts) != 1 and (hosts or not is_old)  # RFC 9112 3.2
                or not all(map(_HOST.match, hosts))
                or len(lengths) > 1 or not all(map(_LENGTH.match, lengths))
                or len(codings) > 1 or codings and is_old):
            return _BAD
        if codings and codings[0].lower() != 'chunked':
            return _UNKNOWN
        if codings and lengths:
            return _BAD
        return 0 if self.command in ('GET', 'HEAD') else _NOT_ALLOWED

    def send_head(self):
        """Answer; return the file whose content is to follow, or None."""
        path = self.translate_path(self.path)
        is_directory = os.path.isdir(path)
        if is_directory and not self.path.partition('?')[0].endswith('/'):
            return SimpleHTTPRequestHandler.send_head(self)  # a redirection
        try:
            file = _index(path) if is_directory else _opened(path)
        except EnvironmentError as error:
            self.send_error(_UNOPENED.get(error.errno, _FAILED))
            return None
        if file is None:
            return self.list_directory(path)
        try:
            return self._send_head_of(file)
        except Exception:
            file.close()
            raise

    def _send_head_of(self, file):
        status = os.fstat(file.fileno())
        precondition = self._precondition(int(status.st_mtime))
        if precondition == _CHANGED:
            self.send_error(_CHANGED)
        else:
            self.send_response(precondition or 200)
            self.send_header('Last-Modified', self.date_time_string(status.st_mtime))
            if not precondition:
                self.send_header('Content-Type', self.guess_type(file.name))
                self.send_header('Content-Length', str(status.st_size))
            self.end_headers()
        if precondition:
            file.close()
            return None
        return file

    def _precondition(self, modified):
        """Return the status that the request wants for a file of this date, or 0 (RFC 9110 13)."""
        unmodified = self._condition('If-Unmodified-Since', 'If-Match')
        if unmodified is not None and modified > unmodified:
            return _CHANGED
        since = self._condition('If-Modified-Since', 'If-None-Match')
        return _UNCHANGED if since is not None and modified <= since else 0

    def _condition(self, name, instead):
        """Return the date in a header field; None if it has none, or if another field counts."""
        return None if self._values(instead) else _seconds((self._values(name) or [''])[0])

    def translate_path(self, path):
        """Return the file that a path names."""
        return SimpleHTTPRequestHandler.translate_path(self, _in_locale(path))

    def list_directory(self, path):
        """Send the names in a directory."""
        asked = self.path
        self.path = _in_locale(asked)
        try:
            return SimpleHTTPRequestHandler.list_directory(self, path)
        finally:
            self.path = asked

    def log_message(self, format, *args):
        """Print one line."""
        self.server.console.line('%s ' % self.client_address[0], format % args)
