"""``python -m sslproto27 demo``: a Trollius echo server, our client, and openssl s_client."""
from __future__ import absolute_import, division, print_function

import os
import ssl
import subprocess
import threading
import warnings

import trollius
from trollius import From
from trollius.executor import get_default_executor

from ..trollius import SelectorEventLoop, open_connection, start_server
from .console import Output
from .contexts import authorities, new_context
from .folders import ending_in_order, temporary_folder

with warnings.catch_warnings():
    warnings.simplefilter('ignore')  # trustme's cryptography warns that Python 2.7 is obsolete
    import trustme

__all__ = ['run']

MESSAGE = b'Hello from the memory of Python 2.7'

#: Seconds that `openssl s_client` may take.
PATIENCE = 20


def run():
    """Run the demonstration, and print its results."""
    with ending_in_order(), temporary_folder() as folder:
        loop, other = SelectorEventLoop(), _OtherClient()
        try:
            loop.run_until_complete(_demonstrate(Output(), loop, folder, other))
        finally:
            other.end()  # before the loop: its thread calls that
            loop.close()


@trollius.coroutine
def _demonstrate(console, loop, folder, other):
    authority = trustme.CA()
    trusted = os.path.join(folder, 'ca.pem')
    authority.cert_pem.write_to_path(trusted)

    server_context = new_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(u'localhost').configure_cert(server_context)
    _offer(server_context)
    server = yield From(start_server(
        lambda reader, writer: trollius.ensure_future(_echo(reader, writer), loop=loop),
        '127.0.0.1', 0, ssl=server_context, loop=loop))
    port = server.sockets[0].getsockname()[1]
    console.line('A Trollius echo server, TLS over memory BIOs, on port %d; %s.' % (
        port, ssl.OPENSSL_VERSION))

    console.line()
    console.line('Our own client:')
    client_context = new_context(trusted=authorities('the CA file', trusted))
    _offer(client_context)
    yield From(_talk(console, loop, port, client_context))
    console.line()
    console.line('A client of another program, openssl s_client:')
    console.lines((yield From(loop.run_in_executor(other.thread, other.talk, port, trusted))))

    server.close()
    yield From(server.wait_closed())


def _offer(context):
    if getattr(ssl, 'HAS_ALPN', False):
        context.set_alpn_protocols(['echo'])


@trollius.coroutine
def _echo(reader, writer):
    while True:
        data = yield From(reader.read(65536))
        if not data:
            break
        writer.write(data)
        yield From(writer.drain())
    writer.close()


@trollius.coroutine
def _talk(console, loop, port, context):
    reader, writer = yield From(open_connection(
        '127.0.0.1', port, ssl=context, server_hostname='localhost', loop=loop))
    writer.write(MESSAGE)
    echo = yield From(reader.readexactly(len(MESSAGE)))
    certificate = writer.get_extra_info('peercert')
    names = ', '.join(value for _, value in certificate['subjectAltName'])
    _print_facts(console, [
        ('version', writer.get_extra_info('tls_version')),
        ('cipher', writer.get_extra_info('cipher')[0]),
        ('certificate', 'verified, for ' + names),
        ('ALPN', writer.get_extra_info('alpn_protocol') or 'none'),
        ('echo', echo.decode('ascii')),
    ])
    writer.close()
    yield From(reader.read())
    if echo != MESSAGE:
        raise RuntimeError('the echo is not what was sent')


def _print_facts(console, facts):
    for name, value in facts:
        console.line('    %-12s %s' % (name, value))


class _OtherClient(object):
    """
    openssl s_client, to be run in a thread.

    Attributes:
        thread (Executor): the thread.
    """

    def __init__(self):
        self.thread = get_default_executor()
        self._process = None
        self._lock = threading.Lock()
        self._has_ended = False

    def talk(self, port, trusted):
        """Return its lines about the server, indented; or why it cannot run."""
        command = [
            'openssl', 's_client', '-connect', '127.0.0.1:%d' % port, '-servername', 'localhost',
            '-CAfile', trusted, '-verify_return_error', '-alpn', 'echo']
        with self._lock:
            if self._has_ended:
                return ''
            try:
                process = self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT)
            except OSError as error:
                return '    openssl cannot be run here: %s' % error
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        try:
            facts = _converse(process)
            process.stdin.close()  # openssl then sends close_notify and ends
            process.stdout.read()
        finally:
            process.wait()
            watchdog.cancel()
            watchdog.join()
        return '\n'.join('    ' + fact for fact in facts)

    def end(self):
        """End the process and the thread."""
        with self._lock:
            self._has_ended = True
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
        self.thread.shutdown(wait=True)


def _converse(process):
    """Make openssl s_client send the message; return the facts that it prints before the echo."""
    process.stdin.write(MESSAGE + b'\n')
    process.stdin.flush()
    facts = []
    for line in iter(process.stdout.readline, b''):
        line = line.decode('ascii', 'replace').strip()
        if line == MESSAGE.decode('ascii'):
            return facts + ['echo: ' + line]
        if line.startswith(('New, ', 'ALPN protocol', 'Verif')) and line not in facts:
            facts.append(line)
    raise RuntimeError('openssl s_client got no echo: ' + '; '.join(facts))
