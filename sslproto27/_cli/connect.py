"""``connect``: shows what a server presents, then passes data both ways."""
from __future__ import absolute_import, division, print_function

import argparse
import contextlib
import socket
import ssl
import time

from .._core.api import SSLCertVerificationError, TLSVersion
from . import sessions
from .addresses import address, host_name, verified_name, written
from .certificates import print_tree
from .channel import Channel
from .console import Console, UsageError, UserError, protocol, seconds
from .contexts import authorities, load_certificate, new_context, offer
from .reasons import failed, unverified
from .starttls import PROTOCOLS
from .streams import require_streams
from .tunnel import connect_through, parse_proxy

HELP = 'connect to a TLS server, show what it presents, then pass data both ways'
EPILOG = (
    'Facts about the connection go to standard error. Then the command sends standard input and'
    ' writes received data to standard output. The end of the input ends our side of TLS'
    ' (close_notify); the command ends when the server has ended its side. The command sends no'
    ' data until it has verified the certificate and the name. The status is 1 if it cannot verify'
    ' them, or if the connection breaks.')

_HTTPS = 443
_INPUT, _OUTPUT = 0, 1

#: The options that name authorities, and that accept odd forms.
_OF_SERVER, _OF_PROXY = ('--cafile', '--lenient'), ('--proxy-cafile', None)

VERIFY_X509_STRICT = 0x20  # X509_VERIFY_PARAM_set_flags(3)
_VERSIONS = {'1.2': TLSVersion.TLSv1_2, '1.3': TLSVersion.TLSv1_3}


def add_arguments(parser):
    """Add the command's arguments to *parser*."""
    parser.add_argument('server', metavar='HOST[:PORT]',
                        help='the default port is 443, or that of --starttls')
    parser.add_argument('--starttls', choices=sorted(PROTOCOLS), metavar='PROTOCOL',
                        help='start in plaintext with one of %s' % ', '.join(sorted(PROTOCOLS)))
    parser.add_argument('--proxy', type=_proxy, metavar='URL',
                        help='connect through a proxy: http(s)://[USER:PASSWORD@]HOST[:PORT]; with'
                        ' https, TLS runs inside TLS')
    parser.add_argument('--alpn', action='append', type=protocol, metavar='NAME',
                        help='offer a protocol (h2, http/1.1, ...); repeat it for several')
    parser.add_argument('--servername', metavar='NAME',
                        help='the name to ask for and to verify, instead of HOST')
    parser.add_argument('--cafile', metavar='FILE',
                        help="authorities to trust (PEM), instead of the system's")
    parser.add_argument('--proxy-cafile', metavar='FILE', help='the same, for the proxy')
    parser.add_argument('--cert', metavar='FILE',
                        help='our certificate chain, with its key unless --key is given (PEM)')
    parser.add_argument('--key', metavar='FILE', help='our private key (PEM)')
    parser.add_argument('--tls', choices=sorted(_VERSIONS), help='use only this version')
    parser.add_argument('--insecure', action='store_true',
                        help='do not verify the server: anybody can be at the other end')
    parser.add_argument('--lenient', action='store_true',
                        help="accept certificates that break only RFC 5280's formal rules")
    parser.add_argument('--session-out', metavar='FILE',
                        help='write the session to this file; keep it secret')
    parser.add_argument('--session-in', metavar='FILE', help='resume the session in this file')
    parser.add_argument('--timeout', type=seconds, default=30.0, metavar='SECONDS',
                        help='for each step until data flows (default 30)')
    parser.add_argument('--crlf', action='store_true', help='send LF as CR LF')
    parser.add_argument('--keep-open', action='store_true',
                        help='do not end our side of TLS when the input ends')
    parser.add_argument('--quiet', action='store_true', help='print only data and errors')


def _proxy(text):
    try:
        return parse_proxy(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error))


def run(arguments):
    """Connect, show what the server presents, and pass data both ways."""
    console = Console()
    require_streams('input', 'output')
    host, port = address(arguments.server, _default_port(arguments))
    name = verified_name(host)
    if arguments.servername is not None:
        name = host_name('--servername', arguments.servername)
    if arguments.session_out is not None or arguments.session_in is not None:
        sessions.require_sessions()
    if arguments.session_out is not None:
        sessions.require_place(arguments.session_out)
    context, proxy_context = _context(arguments), _proxy_context(arguments)
    session = None if arguments.session_in is None else sessions.load(
        arguments.session_in, context, name, must_be_verified=not arguments.insecure)
    channel = None
    try:
        channel = _reach(console, arguments, proxy_context, host, port)
        _start_tls(console, channel, context, name, written(host, port), arguments,
                   session=session)
        if not arguments.quiet:
            _show(console, channel.ssl_object, arguments, host, port)
        ssl_object = channel.ssl_object  # keep it: its session is saved after the end
        channel.relay(_INPUT, _OUTPUT, _to_crlf if arguments.crlf else None,
                      shut_down=not arguments.keep_open)
        if arguments.session_out is not None:
            _save_session(console, arguments, ssl_object.session, name)
    except socket.timeout:
        raise UserError('%s: nothing came for %g seconds', written(host, port), arguments.timeout)
    except (ssl.SSLError, socket.error) as error:
        raise UserError('%s: %s', written(host, port), failed(
            error, channel.heard if channel else b'', context, name, arguments))
    finally:
        console.wipe()
        if channel is not None:
            channel.close()


def _save_session(console, arguments, session, name):
    sessions.save(arguments.session_out, session, name, verified=not arguments.insecure)
    if not arguments.quiet:
        console.fact('session', 'written to %s' % arguments.session_out)


def _default_port(arguments):
    return PROTOCOLS[arguments.starttls][1] if arguments.starttls else _HTTPS


def _context(arguments):
    """Return the context for the server; raise `UserError` if a file cannot be used."""
    context = new_context(trusted=authorities('--cafile', arguments.cafile))
    if arguments.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if arguments.lenient:
        context.verify_flags &= ~VERIFY_X509_STRICT
    if arguments.cert is not None:
        load_certificate(context, arguments.cert, arguments.key)
    elif arguments.key is not None:
        raise UsageError('--key needs --cert')
    if arguments.tls:
        context.minimum_version = context.maximum_version = _VERSIONS[arguments.tls]
    offer(context, arguments.alpn)
    return context


def _proxy_context(arguments):
    """Return the context for the proxy, None if that has no TLS."""
    path, proxy = arguments.proxy_cafile, arguments.proxy
    if proxy is None:
        if path is not None:
            raise UsageError('--proxy-cafile needs --proxy')
        return None
    context = new_context(trusted=authorities('--proxy-cafile', path))
    return context if proxy.scheme == 'https' else None


def _reach(console, arguments, proxy_context, host, port):
    """Return a `Channel` to the server; the next byte in either direction is TLS."""
    proxy = arguments.proxy
    where = (proxy.host, proxy.port) if proxy else (host, port)
    console.progress('connecting to ' + written(*where))
    try:
        sock = socket.create_connection(where, arguments.timeout)
    except socket.timeout:
        raise UserError('%s: no connection in %g seconds', written(*where), arguments.timeout)
    except (socket.error, UnicodeError) as error:
        raise UserError('%s: %s', written(*where), error)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    channel = Channel(sock)
    try:
        if proxy:
            _pass_proxy(console, channel, arguments, proxy_context, host, port)
        if arguments.starttls:
            console.progress('asking for TLS')
            with _named(written(host, port)):
                PROTOCOLS[arguments.starttls][0](channel, verified_name(host))
    except Exception:
        channel.close()
        raise
    return channel


def _pass_proxy(console, channel, arguments, context, host, port):
    """Make a proxy at the other end of *channel* connect it to *host* and *port*."""
    proxy = arguments.proxy
    whose = 'the proxy ' + written(proxy.host, proxy.port)
    try:
        if context is not None:
            _start_tls(console, channel, context, verified_name(proxy.host), whose)
        with _named(whose):
            connect_through(channel, proxy, host, port)
    except socket.timeout:
        raise UserError('%s: nothing came for %g seconds', whose, arguments.timeout)
    except (ssl.SSLError, socket.error) as error:
        raise UserError('%s: %s', whose, error)


@contextlib.contextmanager
def _named(whose):
    """Name the server in the errors that the block raises."""
    try:
        yield
    except UserError as error:
        raise UserError('%s: %s', whose, error)


def _start_tls(console, channel, context, name, whose, arguments=None, **kwargs):
    """Do the handshake, or raise `UserError`; print a certificate that does not verify."""
    console.progress('handshake')
    try:
        with _named(whose):
            channel.start_tls(context, server_hostname=name, **kwargs)
    except SSLCertVerificationError as error:
        # OpenSSL keeps the chain that it tried to verify, so we need not connect again.
        chain = _chain(channel.ssl_object)
        if chain:
            console.line('Certificate chain of %s, as far as known:' % whose)
            print_tree(console, chain, time.time())
        why, advice = unverified(error, chain, *_OF_SERVER if arguments else _OF_PROXY)
        raise UserError('%s is not verified: %s. No data was sent%s', whose, why,
                        advice and u'. ' + advice)
    except socket.timeout:
        raise
    except (ssl.SSLError, socket.error) as error:
        raise UserError('%s: %s', whose, failed(error, channel.heard, context, name, arguments))


def _chain(ssl_object):
    """Return the certificates of the chain that we know, as DER, the server's first."""
    if not hasattr(ssl_object, 'get_verified_chain'):  # not measured: Python 3.12, the pair
        try:
            return [ssl_object.getpeercert(True)]
        except ValueError:  # the handshake has failed
            return []
    return ssl_object.get_verified_chain() or ssl_object.get_unverified_chain()


def _show(console, ssl_object, arguments, host, port):
    """Print the negotiated values and the server's certificates."""
    name, _, bits = ssl_object.cipher()
    by_way_of = ' through %s' % arguments.proxy.host if arguments.proxy else ''
    console.fact('connected', written(host, port), by_way_of)
    console.fact('version', ssl_object.version())
    console.fact('cipher', '%s, %d bits' % (name, bits))
    if arguments.alpn:
        console.fact('ALPN', ssl_object.selected_alpn_protocol()
                     or ('warn', 'the server selected none of these'))
    console.fact('session', 'resumed' if ssl_object.session_reused else 'new')
    if arguments.insecure:
        console.fact('verified', ('bad', 'no: anybody can be at the other end (--insecure)'))
    elif ssl_object.session_reused:
        console.fact('verified', ('good', 'yes'), ', when the session was new')
    else:
        console.fact('verified', ('good', 'yes'), ', for %s' % ssl_object.server_hostname)
    chain = _chain(ssl_object)
    if chain and chain[0]:
        console.line()
        print_tree(console, chain, time.time())
    console.line()


def _to_crlf(data):
    return data.replace(b'\n', b'\r\n')
