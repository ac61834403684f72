"""
The process that hostile peers attack: one application on Trollius or asyncio, or on Tornado.

    python -m tests.support.attacked aio|tornado DIRECTORY

It prints two ports, a patient server's and a hasty one's. It serves TLS, connects where it is told
to, and tells what it holds: all of that over TLS connections of its own framework, so whoever asks
also sees that it serves. `Target` starts it and asks. DIRECTORY has the certificates.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import ctypes
import gc
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

from sslproto27 import SSLPipe
from tests.support.pki import PKI
from tests.support.programs import ROOT

__all__ = ['PATIENCE', 'Target']

PATIENCE = 20    # seconds after which anything counts as hanging
HASTE = 0.5      # seconds that the hasty server, and a hasty client, give a handshake
CHUNK = 65536
POURED = 256     # chunks


class Aio(object):
    """Trollius on 2.7, asyncio on 3: streams."""

    def __init__(self):
        from sslproto27 import aio
        self._aio = aio
        self.wait, self.coroutine, self.spawn = aio.From, aio.coroutine, aio.ensure_future
        self.new_future = aio.Future
        self.failures = EnvironmentError, aio.TimeoutError
        self._loop = aio.SelectorEventLoop()
        aio.set_event_loop(self._loop)
        self.run = self._loop.run_forever

    class Stream(object):
        def __init__(self, reader, writer):
            self._reader, self._writer = reader, writer
            self.close = writer.close

        def read(self):
            return self._reader.read(CHUNK)

        def write(self, data):
            self._writer.write(data)
            return self._writer.drain()

    def serve(self, converse, context, timeout):
        server = self._loop.run_until_complete(self._aio.start_server(
            lambda *streams: self.spawn(converse(self.Stream(*streams))), '127.0.0.1', 0,
            ssl=context, ssl_shutdown_timeout=HASTE, ssl_handshake_timeout=timeout))
        return server.sockets[0].getsockname()[1]

    def connect(self, converse, context, port, timeout):
        @self._aio.coroutine
        def connect():
            streams = yield self.wait(self._aio.open_connection(
                '127.0.0.1', port, ssl=context, ssl_shutdown_timeout=HASTE,
                ssl_handshake_timeout=timeout))
            yield self.wait(converse(self.Stream(*streams)))
        return connect()


class Tornado(object):
    """Tornado's streams."""

    def __init__(self):
        from tornado import concurrent, gen, ioloop

        from sslproto27 import tornado
        self._gen, self._tornado = gen, tornado
        self.wait, self.coroutine = (lambda future: future), gen.coroutine
        self.new_future = concurrent.Future
        self.failures = EnvironmentError, gen.TimeoutError
        self._loop = ioloop.IOLoop.current()
        self.run = self._loop.start

    class Stream(object):
        def __init__(self, stream):
            self._stream = stream
            self.write, self.close = stream.write, stream.close

        def read(self):
            return self._stream.read_bytes(CHUNK, partial=True)

    def spawn(self, future):
        self._loop.add_future(future, lambda done: done.result())

    def serve(self, converse, context, timeout):
        class Server(self._tornado.TCPServer):
            def handle_stream(_, stream, address):
                return converse(self.Stream(stream))
        from tornado import netutil
        server = Server(ssl_options=context, ssl_handshake_timeout=timeout)
        listener, = netutil.bind_sockets(0, '127.0.0.1')
        server.add_socket(listener)
        return listener.getsockname()[1]

    def connect(self, converse, context, port, timeout):
        @self._gen.coroutine
        def connect():
            stream = yield self._tornado.TCPClient().connect(
                '127.0.0.1', port, ssl_options=context, timeout=timeout)
            yield converse(self.Stream(stream))
        return connect()


class Application(object):
    """What is done with each connection, whoever began it: its first byte says what."""

    def __init__(self, framework, client_context):
        self._framework = framework
        self._client_context = client_context
        self._held = []  # futures of those who do not read
        self.errors = []
        self.moved = 0   # bytes poured and sunk

    _CONVERSATIONS = {b'e': '_echo', b's': '_sink', b'p': '_pour', b'q': '_quiet', b'!': '_obey'}

    def converse(self, stream):
        """Start to talk over *stream*; return a coroutine's future, or what stands for it."""
        return self._start('_converse', stream)

    def _start(self, name, *args):
        # Trollius takes no methods.
        return self._framework.coroutine(vars(Application)[name])(self, *args)

    def _converse(self, stream):
        wait = self._framework.wait
        try:
            data = yield wait(stream.read())
            conversation = self._CONVERSATIONS.get(data[:1])
            if conversation is not None:  # any other byte: close at once
                yield wait(self._start(conversation, stream, data[1:]))
        except self._framework.failures:
            pass
        finally:
            stream.close()

    def _echo(self, stream, data):
        while True:
            if data:
                yield self._framework.wait(stream.write(data))
            data = yield self._framework.wait(stream.read())
            if not data:
                return

    def _sink(self, stream, data):
        while True:
            self.moved += len(data)
            data = yield self._framework.wait(stream.read())
            if not data:
                return

    def _pour(self, stream, data):
        for _ in range(POURED):
            yield self._framework.wait(stream.write(b'x' * CHUNK))
            self.moved += CHUNK

    def _quiet(self, stream, data):
        future = self._framework.new_future()
        self._held.append(future)
        yield self._framework.wait(future)

    def _obey(self, stream, data):
        while True:
            while b'\n' not in data:
                more = yield self._framework.wait(stream.read())
                if not more:
                    return
                data += more
            line, _, data = data.partition(b'\n')
            words = line.decode('ascii').split()
            answer = getattr(self, 'do_' + words[0])(*words[1:])
            yield self._framework.wait(stream.write(json.dumps(answer).encode('ascii') + b'\n'))

    # What can be asked

    def do_echo(self, word):
        """Return *word*."""
        return word

    def do_connect(self, port, hasty):
        """Be a client of the server at *port*."""
        self._framework.spawn(
            self._start('_connect', int(port), HASTE if hasty == 'True' else PATIENCE))

    def _connect(self, port, timeout):
        try:
            yield self._framework.wait(self._framework.connect(
                self.converse, self._client_context, port, timeout))
        except self._framework.failures:
            pass

    def do_release(self):
        """Let those end who do not read."""
        for future in self._held:
            future.set_result(None)
        del self._held[:]

    def do_errors(self):
        """Return what has been logged as errors, and forget it."""
        errors = list(self.errors)
        del self.errors[:]
        return errors

    def do_descriptors(self):
        """Return how many descriptors there are."""
        return len(os.listdir('/proc/self/fd'))

    def do_moved(self):
        """Return how many bytes have been moved, and the most memory so far, in KiB."""
        return self.moved, _memory('VmHWM')

    def do_facts(self):
        """Return what there is, after collecting; the peak of memory begins anew."""
        gc.collect()
        gc.collect()
        getattr(ctypes.CDLL(None), 'malloc_trim', int)(0)
        facts = {'descriptors': self.do_descriptors(), 'memory': _memory('VmRSS'),
                 'peak': _memory('VmHWM'),
                 'pipes': sum(1 for thing in gc.get_objects() if type(thing) is SSLPipe)}
        with open('/proc/self/clear_refs', 'w') as file:
            file.write('5')  # proc(5): the peak is now what is there now
        return facts


def _memory(name):
    with open('/proc/self/status') as status:
        return int([line.split()[1] for line in status if line.startswith(name)][0])


class Errors(logging.Handler):
    """What was logged as an error, apart from handshakes: those fail here all the time."""

    def __init__(self, texts):
        logging.Handler.__init__(self, logging.ERROR)
        self._texts = texts

    def emit(self, record):
        """Keep one."""
        text = self.format(record)
        if not text.startswith('TLS handshake failed'):
            self._texts.append(text)


def main(framework, directory):
    """Serve for ever."""
    pki = PKI(directory)
    framework = {'aio': Aio, 'tornado': Tornado}[framework]()
    application = Application(framework, pki.client_context())
    logging.getLogger().addHandler(Errors(application.errors))
    context = pki.server_context('ecdsa')
    ports = [framework.serve(application.converse, context, timeout)
             for timeout in (PATIENCE, HASTE)]
    print(*ports)
    sys.stdout.flush()
    framework.run()


class Target(object):
    """
    That process, while the ``with`` block lasts.

    Attributes:
        ports (dict): of its servers, by whether they are hasty.
    """

    def __init__(self, framework, pki):
        self._arguments = [sys.executable, '-m', 'tests.support.attacked', framework,
                           pki.directory]
        self._context = pki.client_context()

    def __enter__(self):
        self._stderr = tempfile.TemporaryFile()
        self._process = subprocess.Popen(self._arguments, cwd=ROOT,
                                         stdout=subprocess.PIPE, stderr=self._stderr)
        self._watchdog = threading.Timer(20 * PATIENCE, self._process.kill)
        self._watchdog.start()
        try:
            patient, hasty = map(int, self._process.stdout.readline().split())
            self.ports = {False: patient, True: hasty}
            self._asking = self._connect(b'!')
            self._resting = self.ask('facts')
        except Exception:
            self._stop()
            raise AssertionError('it does not start: %s' % self.complaints())
        return self

    def __exit__(self, *exc_info):
        self._asking.close()
        self._stop()
        self._stderr.close()

    def _stop(self):
        self._watchdog.cancel()
        self._watchdog.join()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def complaints(self):
        """Return what it has written to standard error."""
        self._stderr.seek(0)
        return self._stderr.read().decode('utf-8', 'replace')

    def _connect(self, first):
        """Return a TLS connection to it, by the interpreter's own ssl."""
        sock = socket.create_connection(('127.0.0.1', self.ports[False]), PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secure = self._context.wrap_socket(sock, server_hostname='localhost')
        secure.sendall(first)
        return secure

    def ask(self, *words):
        """Return its answer, over a connection that stays open, to one of ``do_...``."""
        self._asking.sendall(' '.join(map(str, words)).encode('ascii') + b'\n')
        answer = b''
        while not answer.endswith(b'\n'):
            data = self._asking.recv(CHUNK)
            assert data, 'it has ended: %s' % self.complaints()
            answer += data
        return json.loads(answer.decode('ascii'))

    def answers(self):
        """Hold that it answers over the connection that there is."""
        assert 'here' == self.ask('echo', 'here')

    def serves(self):
        """Hold that it answers over that one, and over a new one."""
        self.answers()
        with contextlib.closing(self._connect(b'e')) as secure:
            secure.sendall(b'and here')
            assert b'and here' == secure.recv(100)

    def at_rest(self):
        """
        Wait until it has the descriptors and pipes that it had at first.

        Returns:
            dict: 'memory', and 'peak', the most since this was last called, in KiB.
        """
        facts = self._resting
        deadline = time.time() + PATIENCE
        while time.time() < deadline:
            if self.ask('descriptors') == self._resting['descriptors']:
                again = self.ask('facts')
                peak = max(again['peak'], facts['peak'] if facts is not self._resting else 0)
                facts = dict(again, peak=peak)
                if facts['pipes'] == self._resting['pipes']:
                    return facts
        raise AssertionError('%d descriptors and %r are not the %r at the beginning' % (
            self.ask('descriptors'), self.ask('facts'), self._resting))


if __name__ == '__main__':
    main(*sys.argv[1:])
