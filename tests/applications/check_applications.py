"""
Applications that nobody here wrote: what each does on stock Python it does with sslproto27, too.

`make test-applications` runs these, with what requirements.txt says. Each program is run twice and
knows nothing of it; the second run has to have made TLS objects of ours, the first one none.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import hashlib
import multiprocessing.pool
import os
import re
import signal
import ssl
import subprocess
import tempfile
import threading
import xml.etree.ElementTree

import pytest
from six.moves import BaseHTTPServer

from tests.applications.both import PROGRAMS, command, environment, run, was_used

REQUESTS = os.environ.get('SSLPROTO27_REQUESTS')  # where requests' sdist is


def same(adapters, program, arguments, expected=None, used=True, **how):
    """Assert that *program* does with *adapters* what it does without, and succeeds."""
    green = {name: how[name] for name in ('green',) if name in how}
    stock, stock_used = run('-', program, arguments, order='first', **green)
    ours, ours_used = run(adapters, program, arguments, **how)
    assert 0 == stock.code, stock.errors
    assert stock[:2] == ours[:2], ours.errors
    assert 'Traceback' not in ours.errors, ours.errors
    assert (False, used) == (stock_used, ours_used)
    if expected is not None:
        assert expected == ours.lines


class Handler(BaseHTTPServer.BaseHTTPRequestHandler):
    """Answers with what it was asked, and with what was posted."""

    protocol_version = 'HTTP/1.1'

    def do_GET(self):  # noqa: N802
        """Answer with the path and the header Host."""
        self.answer(('%s %s' % (self.path, self.headers.get('X-Host', '-'))).encode('ascii'))

    def do_POST(self):  # noqa: N802
        """Answer with a digest."""
        data = self.rfile.read(int(self.headers['Content-Length']))
        self.answer(hashlib.sha256(data).hexdigest().encode('ascii'))

    def answer(self, body):
        """Send *body*."""
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Say nothing."""


class Server(BaseHTTPServer.HTTPServer):
    """An HTTPS server of the standard library, one thread a connection."""

    def process_request(self, request, client_address):
        """Let a thread do it, with the handshake."""
        thread = threading.Thread(target=self.serve, args=(request, client_address))
        thread.daemon = True
        thread.start()

    def serve(self, request, client_address):
        """Serve one connection; clients that refuse the certificate are none of its business."""
        try:
            self.finish_request(self.context.wrap_socket(request, server_side=True), client_address)
        except (ssl.SSLError, EnvironmentError):
            pass
        finally:
            self.shutdown_request(request)


@pytest.fixture
def https_port(pki):
    """The port of a stock HTTPS server."""
    server = Server(('127.0.0.1', 0), Handler)
    server.context = pki.server_context()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def files(pki):
    """The paths of a server's certificate with its key, and of whom to trust."""
    return [pki.path('localhost'), pki.path('ca')]


def test_sockjs(files):
    """sockjs-tornado over HTTPS: its info, its polling, its websocket."""
    same('tornado', 'sockjs_echo.py', files)


def test_maproxy(files):
    """maproxy between a client over TLS and a server over TLS, with large data."""
    same('tornado', 'maproxy_echo.py', files)


def test_own_reading(files):
    """A subclass of Tornado's SSLIOStream that reads its own socket gets what was sent."""
    same('tornado', 'own_reading.py', files, ['hello'])


def test_own_chunks(files):
    """A subclass of it that looks at what read_from_fd got sees each byte."""
    same('tornado', 'own_chunks.py', files, ['100000 bytes, all seen'])


def test_websocket_client(files):
    """websocket-client, on threads, against Tornado's websockets."""
    same('tornado', 'websocket_client.py', files)


def test_autobahn(files):
    """autobahn's websockets, both sides, on Trollius."""
    same('trollius', 'autobahn_echo.py', files)


def test_toolbelt(files, https_port):
    """The adapters of requests-toolbelt."""
    same('urllib3', 'toolbelt.py', [files[1], https_port])


@pytest.mark.parametrize('engine', ['graft', 'pair'])
@pytest.mark.parametrize('order', ['first', 'last'])
@pytest.mark.parametrize('green', ['gevent', 'eventlet'])
def test_green_threads(files, https_port, green, order, engine, monkeypatch):
    """requests on green threads, many at once, patched before sslproto27 is imported or after."""
    monkeypatch.setenv('SSLPROTO27_ENGINE', engine)
    same('urllib3', 'green_requests.py', [files[1], https_port], green=green, order=order)


@contextlib.contextmanager
def gunicorn(adapters, files):
    """Run gunicorn; give its port, and a list that has its exit code and whether ours was used."""
    with tempfile.NamedTemporaryFile() as marks, tempfile.NamedTemporaryFile() as log:
        child = subprocess.Popen(command(marks.name, adapters, '-m gunicorn.app.wsgiapp', [
            '-k', 'tornado', '-w', 2, '-b', '127.0.0.1:0', '--certfile', files[0], '--keyfile',
            files[0], '--ca-certs', files[1], '--chdir', PROGRAMS,
            'wsgi_echo:application']), env=environment(), stdout=log, stderr=subprocess.PIPE)
        ended = []
        try:
            lines = iter(child.stderr.readline, b'')
            port = next(int(found.group(1)) for found in (
                re.search(br'Listening at: https://127\.0\.0\.1:(\d+)', line) for line in lines)
                if found)
            yield port, ended
        finally:
            child.send_signal(signal.SIGTERM)
            rest = child.stderr.read()
            ended.extend([child.wait(), b'Traceback' in rest, was_used(marks.name)])


def test_gunicorn(files):
    """gunicorn's two Tornado workers over HTTPS: requests, large ones too; SIGTERM ends them."""
    seen = {}
    for adapters in '-', 'tornado':
        with gunicorn(adapters, files) as (port, ended):
            seen[adapters], used = run('-', 'https_client.py', [files[1], port])
            assert (0, False) == (seen[adapters].code, used), seen[adapters].errors
        assert [0, False, adapters != '-'] == ended
    assert seen['-'] == seen['tornado']


#: The first three would leave this machine, the others wait for ten seconds.
LEFT_OUT = ['errors', 'connect_timeout', 'timeout_connect', 'read_timeout', 'stream_timeout']


def results_of_requests(adapters, report):
    """Run requests' own tests; return their results, by name, and whether ours was used."""
    from pytest_httpbin import certs
    _, used = run(
        adapters, '-m pytest',
        ['-p', 'httpbin_over_https', '-p', 'no:cacheprovider', '--junitxml', report,
         '--timeout', 60, '-k', ' and '.join('not ' + name for name in LEFT_OUT),
         os.path.join('tests', 'test_requests.py')],
        cwd=REQUESTS, REQUESTS_CA_BUNDLE=certs.where(), PYTHONPATH=os.pathsep.join(
            [PROGRAMS, os.environ.get('PYTHONPATH', '')]))
    results = {}
    for test in xml.etree.ElementTree.parse(report).iter('testcase'):
        kinds = [child.tag for child in test if not child.tag.startswith('system')]
        results[test.get('name')] = kinds[0] if kinds else 'passed'
    return results, used


@pytest.mark.skipif(REQUESTS is None, reason="needs requests' sdist: make test-applications")
def test_requests_own_tests(tmpdir):
    """requests' own tests, with all of httpbin over HTTPS, end as they do on stock: some fail."""
    pool = multiprocessing.pool.ThreadPool(2)
    (stock, stock_used), (ours, ours_used) = pool.map(
        lambda adapters: results_of_requests(adapters, str(tmpdir.join(adapters + '.xml'))),
        ['-', 'urllib3'])
    pool.close()
    assert 250 < list(stock.values()).count('passed')
    assert (False, True) == (stock_used, ours_used)
    assert {} == {name: (stock.get(name), ours.get(name)) for name in set(stock) | set(ours)
                  if stock.get(name) != ours.get(name)}
