"""
Other implementations of TLS talk to ours over TCP, as clients and as servers: `make interop`.

8 MiB go each way, and are compared. Whatever is not on this machine is skipped by name.
"""
from __future__ import absolute_import, division, print_function

import hashlib
import socket
import subprocess
import tempfile
import threading

import pytest

from sslproto27 import aio
from sslproto27.aio import From
from tests.support.aio_helpers import App
from tests.interop.peers import PEERS, Options, missing

PATIENCE = 90  # seconds

PARAMETERS = [
    pytest.param(peer, version, leaf, certificate,
                 id='-'.join([peer.name, version, leaf] + ['certificate'] * certificate))
    for peer in PEERS for version in peer.versions for leaf in ('localhost', 'ecdsa')
    for certificate in (False, True)]


def data_of(seed, size):
    """
    Return *size* bytes, no two lines of 64 alike.

    Lines of text, and a whole number in each record: gnutls-serv sends back nothing else.
    """
    return b''.join(b'%02d %060d\n' % (seed, number) for number in range(size // 64))


def digest(data):
    """Return what tells two large strings apart in a message."""
    return len(data), hashlib.sha256(data).hexdigest()


class Program(object):
    """
    A peer that runs: its standard input gets *data*, its output and its errors are kept.
    """

    def __init__(self, command, data):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors)
        self.output = []
        self._threads = [threading.Thread(target=self._write, args=(data,)),
                         threading.Thread(target=self._read)]
        for thread in self._threads:
            thread.daemon = True
            thread.start()
        self._watchdog = threading.Timer(PATIENCE, self.process.kill)
        self._watchdog.start()

    def _write(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except (IOError, ValueError):
            pass  # it has ended: what is missing will tell

    def _read(self):
        while True:
            data = self.process.stdout.read(65536)
            if not data:
                return
            self.output.append(data)

    def said(self):
        """Return what it wrote to standard error."""
        self.errors.seek(0)
        return self.errors.read().decode('utf-8', 'replace')

    def end(self):
        """End it; return all of its output."""
        try:
            self.process.stdin.close()
        except IOError:
            pass
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self._watchdog.cancel()
        for thread in self._threads:
            thread.join()
        self.process.stdout.close()
        self.errors.close()
        return b''.join(self.output)


@pytest.fixture
def start():
    """A function that starts a `Program`, which is ended with the test."""
    programs = []

    def begin(command, data):
        programs.append(Program(command, data))
        return programs[-1]
    yield begin
    for program in programs:
        if program.process.stdin and not program.errors.closed:
            program.end()


@pytest.fixture
def run_long(aio_loop):
    """A function that runs a coroutine to its end, not for ever."""
    return lambda awaitable: aio_loop.run_until_complete(aio.wait_for(awaitable, PATIENCE))


def free_port():
    """Return a port that nothing listened at just now."""
    with_socket = socket.socket()
    with_socket.bind(('127.0.0.1', 0))
    port = with_socket.getsockname()[1]
    with_socket.close()
    return port


@pytest.fixture(autouse=True)
def there(request):
    """Skips, by name, a peer that is not on this machine."""
    peer = request.getfixturevalue('peer')
    if peer not in _missing:
        _missing[peer] = missing(peer)
    if _missing[peer]:
        pytest.skip('%s is not here (%s)' % (peer.name, _missing[peer]))
    if request.getfixturevalue('certificate') and peer.no_certificates:
        pytest.skip('%s %s' % (peer.name, peer.no_certificates))


_missing = {}


@pytest.mark.parametrize('peer, version, leaf, certificate', PARAMETERS)
class TestPeers(object):
    def test_their_client(self, aio_loop, run_long, serve, start, pki, peer, version, leaf,
                          certificate):
        """Their client verifies our server, shows its certificate, and exchanges the data."""
        theirs, ours = data_of(1, peer.size), data_of(2, peer.size)
        connected = aio.Future(loop=aio_loop)

        def factory():
            app = App(aio_loop)
            connected.set_result(app)
            return app
        context = pki.server_context(leaf, version, trust='ca' if certificate else None)
        port = serve(factory, ssl=context)
        program = start(peer.client(port, Options(pki, version, leaf, certificate)), theirs)

        @aio.coroutine
        def talk():
            app = yield From(connected)
            while app.transport is None:
                yield From(aio.sleep(0.01))
                assert program.process.poll() is None, program.said()
            app.transport.write(ours)
            yield From(app.has(len(theirs)))
            while sum(map(len, program.output)) < len(ours):
                yield From(aio.sleep(0.01))
                assert program.process.poll() is None, program.said()
            facts = (app.transport.get_extra_info('tls_version'),
                     app.transport.get_extra_info('ssl_object').getpeercert(True))
            app.transport.close()
            yield From(app.over)
            raise aio.Return((app.data, facts))
        received, facts = run_long(talk())
        assert digest(theirs) == digest(received)
        assert digest(ours) == digest(program.end())
        assert (version, pki.chain('client')[0] if certificate else None) == facts

    def test_their_server(self, aio_loop, run_long, start, pki, peer, version, leaf, certificate):
        """Our client verifies their server, shows its certificate, and exchanges the data."""
        ours = data_of(3, peer.size)
        theirs = ours if peer.echoes else data_of(4, peer.size)
        port = free_port()
        program = start(peer.server(port, Options(pki, version, leaf, certificate)), theirs)
        context = pki.client_context(version, leaf='client' if certificate else None)

        @aio.coroutine
        def talk():
            while True:
                app = App(aio_loop)
                try:
                    yield From(aio_loop.create_connection(
                        lambda: app, '127.0.0.1', port, ssl=context, server_hostname='localhost'))
                    break
                except EnvironmentError:
                    assert program.process.poll() is None, program.said()
                    yield From(aio.sleep(0.05))
            app.transport.write(ours)
            yield From(app.has(len(theirs)))
            while not peer.echoes and sum(map(len, program.output)) < len(ours):
                yield From(aio.sleep(0.01))
            facts = (app.transport.get_extra_info('tls_version'),
                     app.transport.get_extra_info('ssl_object').getpeercert(True))
            app.transport.close()
            yield From(app.over)
            raise aio.Return((app.data, facts))
        received, facts = run_long(talk())
        output = program.end()
        assert digest(theirs) == digest(received)
        assert peer.echoes or digest(ours) == digest(output)
        assert (version, pki.chain(leaf)[0]) == facts
