"""``bench``: measures this interpreter's TLS in memory. It needs only this package."""
from __future__ import absolute_import, division, print_function

import collections
import gc
import json
import os
import platform
import ssl
import tempfile
import time

from .. import __version__
from .._core.api import create_default_context
from .._core.pipe import SSLPipe
from .console import Console, Output, seconds

HELP = 'measure handshakes, throughput and round trips on this interpreter'
EPILOG = (
    'A client and a server talk in memory, in this process, without a socket or an event loop. So'
    ' each figure includes the work of both sides. Times are processor time. The client verifies'
    " the server's certificate and host name.")

_RUNS = 5

#: This key is public: use it only for measuring, and never trust its certificate elsewhere.
_PUBLIC_KEY_AND_CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggUopzpdtG3Sna124
R8Alzyux3dpmMJogXyoNMUWfesehRANCAAR0qfA7gx+WcEk4PSDpbaKkSJ1BzvCl
aKb0FUG9FtVyc6FDRPUfY7ZxqI1jPTozytc/LTJO0zgYa4F1SXooRh5U
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIB1zCCAXygAwIBAgIUC42FYrtaEHzFy1gYGqlfJJR3x84wCgYIKoZIzj0EAwIw
LjEsMCoGA1UECgwjc3NscHJvdG8yNyBiZW5jaDogaXRzIGtleSBpcyBwdWJsaWMw
IBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMC4xLDAqBgNVBAoMI3Nz
bHByb3RvMjcgYmVuY2g6IGl0cyBrZXkgaXMgcHVibGljMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEdKnwO4MflnBJOD0g6W2ipEidQc7wpWim9BVBvRbVcnOhQ0T1
H2O2caiNYz06M8rXPy0yTtM4GGuBdUl6KEYeVKN2MHQwFAYDVR0RBA0wC4IJbG9j
YWxob3N0MAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYEFFS/BpT6C5EMKcn795doGUn1
nS8hMB8GA1UdIwQYMBaAFFS/BpT6C5EMKcn795doGUn1nS8hMA4GA1UdDwEB/wQE
AwIHgDAKBggqhkjOPQQDAgNJADBGAiEAup3Gn00znPrc0T/qn6rKURJnLgT2Ckbr
uHhf94fxWo0CIQDYAGn63cyTx3yv930FSh5EV/j7dbYR+AYhE2U+glUQVA==
-----END CERTIFICATE-----
"""

#: Attributes: name, unit, step (the function to repeat; it returns how many units it has done).
_Line = collections.namedtuple('_Line', 'name unit step')

_cpu_seconds = getattr(time, 'process_time', None) or time.clock


def add_arguments(parser):
    """Add the command's arguments to *parser*."""
    parser.add_argument('--seconds', type=seconds, default=1.0, metavar='SECONDS',
                        help='time to spend on each line (default 1)')
    parser.add_argument('--json', action='store_true', help='print JSON, with every sample')


def run(arguments):
    """Measure, and print a line for each measurement."""
    console, progress = Output(), Console()
    os.environ.pop('SSLKEYLOGFILE', None)  # writing secrets would cost time, and can fail
    # Without this, chance decides whether malloc returns large blocks to the system each time,
    # which halves the speed. Its limit depends on the largest block freed so far, M_MMAP_THRESHOLD
    # in mallopt(3).
    bytearray(16 << 20)
    bench = _Bench()
    facts = bench.facts()
    if not arguments.json:
        _print_head(console, facts, arguments.seconds)
    results = []
    for line in bench.lines():
        progress.progress('measuring: ' + line.name)
        try:
            samples = sorted(_sample(line.step, arguments.seconds / _RUNS) for _ in range(_RUNS))
        finally:
            progress.wipe()
        results.append({'name': line.name, 'unit': line.unit, 'median': samples[_RUNS // 2],
                        'samples': samples})
        if not arguments.json:
            _print(console, results[-1])
    if arguments.json:
        console.lines(json.dumps(dict(facts, results=results), indent=2, sort_keys=True))


def _print_head(console, facts, spent):
    console.line('%(python)s, %(openssl)s, sslproto27 %(sslproto27)s' % facts)
    console.line('%(version)s, %(cipher)s, ECDSA P-256, verified' % facts)
    console.line('Both sides in this process, in memory; processor time, the median of %d runs of'
                 ' %g s.' % (_RUNS, spent / _RUNS))
    console.line()


def _print(console, result):
    samples, median = result['samples'], result['median']
    spread = (samples[-1] - samples[0]) / 2 / median * 100
    console.line('%-32s ' % result['name'], ('bold', '%9.0f' % median), ' %-6s' % result['unit'],
                 ('dim', ' +- %.0f%%' % spread))


def _sample(step, least):
    """Return how many units *step* does per second, measured for at least *least* seconds."""
    gc.collect()
    done, start = 0, _cpu_seconds()
    while True:
        done += step()
        spent = _cpu_seconds() - start
        if spent >= least:
            return done / spent


class _Bench(object):
    """Two contexts, and the steps to measure with them."""

    def __init__(self):
        self._client = create_default_context(cadata=_certificate())
        self._server = create_default_context(ssl.Purpose.CLIENT_AUTH)
        handle, path = tempfile.mkstemp()
        try:
            with os.fdopen(handle, 'w') as file:
                file.write(_PUBLIC_KEY_AND_CERTIFICATE)
            self._server.load_cert_chain(path)
        finally:
            os.unlink(path)
        self._pair = self._connect()
        try:
            self._session = self._pair[0].ssl_object.session
        except NotImplementedError:  # the pair engine
            self._session = None

    def facts(self):
        """Return a description of the measured software and connection (a dict of text)."""
        ssl_object = self._pair[0].ssl_object
        return {
            'python': '%s %s' % (platform.python_implementation(), platform.python_version()),
            'openssl': ssl.OPENSSL_VERSION, 'sslproto27': __version__,
            'version': ssl_object.version(), 'cipher': ssl_object.cipher()[0],
        }

    def lines(self):
        """Return the list of `_Line`."""
        return [
            _Line('full handshakes', '/s', self._full_handshake),
        ] + [
            _Line('resumed handshakes', '/s', self._resumed_handshake),
        ][:self._session is not None] + [
            _Line('throughput, 16 KiB a write', 'MB/s', lambda: self._send(16384)),
            _Line('throughput, 256 KiB a write', 'MB/s', lambda: self._send(262144)),
            _Line('round trips of 100 bytes', '/s', self._round_trips),
        ]

    def _connect(self, session=None):
        client = SSLPipe(self._client, server_hostname='localhost', session=session)
        server = SSLPipe(self._server, server_side=True)
        server.do_handshake()
        client.do_handshake()
        while _move(client, server) or _move(server, client):
            pass
        return client, server

    def _full_handshake(self):
        self._connect()
        return 1

    def _resumed_handshake(self):
        client, _ = self._connect(self._session)
        if not client.ssl_object.session_reused:
            raise RuntimeError('the session was not resumed')
        return 1

    def _send(self, size):
        """Send some data one way; return its size in megabytes (10^6)."""
        client, server = self._pair
        data, count = b'x' * size, 2097152 // size
        received = 0
        for _ in range(count):
            client.feed_appdata(data)
            _move(client, server)
            received += len(server.appdata_received())
        if received != count * size:
            raise RuntimeError('received %d of %d bytes' % (received, count * size))
        return received / 1e6

    def _round_trips(self):
        client, server = self._pair
        data, count = b'x' * 100, 200
        for _ in range(count):
            client.feed_appdata(data)
            _move(client, server)
            server.feed_appdata(server.appdata_received())
            _move(server, client)
            if client.appdata_received() != data:
                raise RuntimeError('the echo is not what was sent')
        return count


def _move(source, target):
    """Move one pipe's outgoing data to the other; return how many bytes that was."""
    data = source.data_to_send()
    target.feed_ssldata(data)
    return len(data)


def _certificate():
    pem = _PUBLIC_KEY_AND_CERTIFICATE
    return u'%s' % pem[pem.index('-----BEGIN CERTIFICATE-----'):]
