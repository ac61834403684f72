"""What a connection takes of memory, and that all of it is gone afterwards."""
from __future__ import absolute_import, division, print_function

import ctypes
import gc
import ssl
import sys
import types
import weakref

import pytest

from tests.support.engines import only_graft
from tests.support.loops import Connection, Loop
from tests.support.pipe_pairs import native_call, needs_refcounts, pattern


class TestGone(object):
    """With the collector off, all that a connection used is gone when the connection is."""

    def contexts(self, pki, version):
        """Return two contexts of this test alone."""
        return pki.client_context(version=version), pki.server_context('ecdsa', version=version)

    def succeed(self, connection):
        """Live and end well."""
        connection.handshake()
        connection.transport.write(b'x')
        connection.remote.write(b'x')
        connection.transport.close()
        connection.remote.close_notify()
        connection.loop.run()

    def distrust(self, connection):
        """Fail in the handshake."""
        connection.start()
        connection.loop.run()
        connection.remote.transport.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')
        connection.loop.run()

    def time_out(self, connection):
        """Never finish the handshake."""
        connection.start()
        connection.loop.advance(60.1)

    def abort(self, connection):
        """Be cut."""
        connection.handshake()
        connection.transport.abort()
        connection.loop.run()

    def cut_short(self, connection):
        """End with EOF alone."""
        connection.handshake()
        connection.remote.send_eof()
        connection.loop.advance(30.1)

    def break_record(self, connection):
        """Fail after the handshake."""
        connection.handshake()
        connection.remote.transport.write(b'\x17\x03\x03\x00\x40' + b'\x5a' * 64)
        connection.loop.run()

    def hold(self, connection):
        """Be cut while what has come waits for an application that has paused."""
        connection.handshake()
        connection.transport.pause_reading()
        connection.remote.sslobj.write(b'unread')
        connection.protocol.data_received(connection.remote.outgoing.read())
        connection.transport.abort()
        connection.loop.run()

    def stay_silent(self, connection):
        """Close, and get no answer."""
        connection.handshake()
        connection.transport.close()
        connection.loop.advance(30.1)

    @needs_refcounts
    @pytest.mark.parametrize('way', ['succeed', 'distrust', 'time_out', 'abort', 'cut_short',
                                     'break_record', 'hold', 'stay_silent'])
    def test_context_dies(self, pki, tls_version, way):
        """
        The contexts and the protocol die with the connection, whichever way it ends: no cycle, no
        timer holds them.
        """
        gc.disable()
        try:
            loop = Loop()
            contexts = self.contexts(pki, tls_version)
            connection = Connection(*contexts, loop=loop)
            references = list(map(weakref.ref, contexts + (connection.protocol,)))
            del contexts
            getattr(self, way)(connection)
            assert connection.lower.protocol is None
            connection.remote.transport.abort()
            loop.run()
            # On Python 3 an exception keeps the frames that it went through, these here among them.
            del connection.app.lost[:], connection.outcomes[:]
            del connection
            loop.errors = []
            assert [None, None, None] == [reference() for reference in references]
        finally:
            gc.enable()

    @needs_refcounts
    def test_context_dies_though_transport_is_kept(self, pki, tls_version):
        """An application that keeps its transport after the end does not keep the context."""
        gc.disable()
        try:
            contexts = self.contexts(pki, tls_version)
            connection = Connection(*contexts)
            reference = weakref.ref(contexts[0])
            del contexts
            self.abort(connection)
            transport = connection.transport
            del connection
            assert (None, True) == (reference(), transport.is_closing())
        finally:
            gc.enable()


def size_of(roots, foreign):
    """Return the bytes of all objects that belong to *roots* alone, and not to *foreign*."""
    seen = {id(one) for one in foreign} | {id(None), id(True), id(False)}
    shared = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, ssl.SSLContext)
    todo, total = list(roots), 0
    while todo:
        one = todo.pop()
        if id(one) not in seen and not isinstance(one, shared):
            seen.add(id(one))
            total += sys.getsizeof(one)
            todo += gc.get_referents(one)
    return total


class TestTaken(object):
    @needs_refcounts
    def test_idle(self, new):
        """The Python objects of an idle connection take less than 8 KiB, without any buffer."""
        connection = new(waiter=None).handshake()
        connection.remote.write(pattern(100000))
        connection.transport.write(pattern(100000))
        connection.remote.read()
        del connection.app.chunks[:]
        size = size_of([connection.protocol, connection.transport], [
            connection.loop, connection.app, connection.lower, connection.remote])
        assert 500 < size < 8 * 1024

    @only_graft
    def test_release_buffers(self, new):
        """SSL_MODE_RELEASE_BUFFERS is on, so OpenSSL keeps no record buffers either."""
        ssl_object = new().handshake().transport.get_extra_info('ssl_object')
        mode = native_call(ssl_object, 'SSL_ctrl', 33, ctypes.c_long(0), None)
        assert mode & 0x10

    def test_closed_loop(self, new):
        """What is thrown away after its loop was closed asks nothing of that loop any more."""
        connection = new().handshake()
        loop = connection.loop

        def fail(*args):
            raise RuntimeError('the loop is closed')
        loop.call_soon = loop.call_later = loop.call_exception_handler = fail
        reference = weakref.ref(connection.protocol)
        del connection
        gc.collect()
        gc.collect()
        assert None is reference()

    def test_no_dict(self, new):
        """Neither the protocol nor its transport has a __dict__: thousands of them wait."""
        connection = new()
        assert [False, False] == [hasattr(one, '__dict__')
                                  for one in (connection.protocol, connection.transport)]

    def test_weakref(self, new):
        """Both can be referred to weakly."""
        connection = new()
        assert connection.transport is weakref.ref(connection.transport)()
        assert connection.protocol is weakref.ref(connection.protocol)()
