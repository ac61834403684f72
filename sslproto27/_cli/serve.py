"""``serve``: echo, or a directory over HTTPS, a thread a connection."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import signal
import socket
import ssl
import sys

from .._socket import SSLSocket
from .authority import temporary_authority
from .console import Console, UserError, address
from .contexts import server_context

try:
    from http.server import SimpleHTTPRequestHandler
    from socketserver import BaseRequestHandler, TCPServer, ThreadingMixIn
except ImportError:  # Python 2
    from SimpleHTTPServer import SimpleHTTPRequestHandler
    from SocketServer import BaseRequestHandler, TCPServer, ThreadingMixIn

HELP = 'serve echoes, or a directory over HTTPS'
EPILOG = (
    'Without --cert an authority is made for as long as the server runs; the first lines say where'
    ' its certificate is, for clients to trust. For trying things out, and for tests: a thread a'
    ' connection, no limits.')

#: Seconds after which a silent client is given up.
PATIENCE = 60


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


def run(arguments):
    """Serve until Ctrl-C or SIGTERM."""
    console = Console()
    if arguments.directory is not None and not os.path.isdir(arguments.directory):
        raise UserError('%s is not a directory' % arguments.directory)
    if arguments.key and not arguments.cert:
        raise UserError('--key needs --cert')
    try:
        where = address(arguments.listen, default_host='127.0.0.1')
    except ValueError as error:
        raise UserError(str(error))
    with _certificate(arguments) as (trusted, own):
        context = server_context(own, arguments.key, arguments.client_ca, arguments.alpn)
        handler = _Echo if arguments.directory is None else _Files
        try:
            server = _Server(where, handler, context, console)
        except socket.error as error:
            raise UserError('%s: %s' % (arguments.listen, error.strerror or error))
        try:
            if arguments.directory is not None:
                os.chdir(arguments.directory)  # where the handlers of all Pythons look
            _announce(server.server_address[1], where[0], arguments, trusted)
            signal.signal(signal.SIGTERM, _stop)
            server.serve_forever()
        finally:
            server.server_close()


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
    console.line('serving ', what, ' on %s:%d' % ('[%s]' % host if ':' in host else host, port))
    if trusted:
        console.line('trusted by who trusts ', trusted)
        name = (arguments.name or ['localhost'])[0]
        console.line(('dim', 'try: '), 'sslproto27 connect %s:%d --cafile %s' % (
            name, port, trusted) if arguments.directory is None else
            'curl --cacert %s https://%s:%d/' % (trusted, name, port))


class _Server(ThreadingMixIn, TCPServer):
    """Does TLS in the thread of the connection, so that nobody waits for another's handshake."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, where, handler, context, console):
        self.context = context
        self.console = console
        self.address_family = socket.AF_INET6 if ':' in where[0] else socket.AF_INET
        TCPServer.__init__(self, where, handler)

    def finish_request(self, request, client_address):
        """Shake hands, then let the handler do the rest."""
        request.settimeout(PATIENCE)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.closing(SSLSocket(request, self.context, server_side=True)) as secure:
            TCPServer.finish_request(self, secure, client_address)

    def handle_error(self, request, client_address):
        """Say in one line what became of a connection; a program's mistake is no line."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ssl.SSLError, socket.error)):
            raise error
        self.console.line('%s:%d ' % client_address[:2], error.strerror or str(error))


class _Echo(BaseRequestHandler):
    """Sends back what comes."""

    def handle(self):
        """Do so until the client ends its side."""
        while True:
            data = self.request.recv(65536)
            if not data:
                return
            self.request.sendall(data)


class _Files(SimpleHTTPRequestHandler):
    """Serves the files of the current directory, and logs requests as lines that nothing obeys."""

    server_version = 'sslproto27'

    def log_message(self, format, *args):
        """Print one line."""
        self.server.console.line('%s ' % self.client_address[0], format % args)
