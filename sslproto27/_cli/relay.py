"""
One worker of ``proxy``: connections between clients and the service, on a Trollius loop.

What it is told to do is in `Settings`; processes and signals of the whole are `proxy`'s.
"""
from __future__ import absolute_import, division, print_function

import collections
import datetime
import errno
import json
import os
import select
import signal

import trollius

from .._stream.protocol import SSLProtocol
from ..trollius import SelectorEventLoop
from .addresses import written
from .certificates import name_of_client
from .console import Console, printable

__all__ = ['Settings', 'Worker']

#: What a worker needs to know.
#:
#: Attributes:
#:     front (ssl.SSLContext or None): for clients; None for plaintext.
#:     server_names (mapping): from SSLObject to the name that its client asked for.
#:     back (ssl.SSLContext or None): for the service.
#:     host, port (str, int): where that is.
#:     name (str or None): what it has to prove, with *back*.
#:     log (int or None): descriptor of the access log.
#:     grace (float): seconds that connections have to end in when the worker is stopped.
#:     connections (int): how many at once.
#:     handshake, connect, idle (float): seconds for a client's handshake, for the service to be
#:         there, and of silence.
Settings = collections.namedtuple(
    'Settings', 'front server_names back host port name log grace connections handshake connect'
    ' idle')

#: Seconds of silence after which a TLS service is told that its client has ended: its transport
#: cannot end one direction alone, and so an answer that is still coming would be lost.
_LINGER = 2

#: Seconds in which connections that were cut off are logged.
_LAST = 1


class Worker(object):
    """
    Args:
        listener (socket.socket): accepts clients, in other processes too.
        settings (Settings): what to do with them.
        ending (int): a descriptor that becomes readable when the worker has to stop.
    """

    def __init__(self, listener, settings, ending):
        self.settings = settings
        self.loop = SelectorEventLoop()
        self._listener = listener
        self._ending = ending
        self._server = None
        self._connections = set()
        self._console = Console(patient=False)
        self._full = self._told = self._log_lost = False
        self._stopping = False

    def run(self):
        """Serve until stopped: by SIGTERM gracefully, by SIGINT at once."""
        loop = self.loop
        loop.set_exception_handler(self._print_failure)
        # Whoever is told to stop has to have what is to be stopped: until then signals just kill.
        self._server = loop.run_until_complete(
            loop.create_server(self._accept, sock=self._listener))
        loop.add_signal_handler(signal.SIGTERM, self._stop)
        loop.add_signal_handler(signal.SIGINT, self._abort)
        loop.add_reader(self._ending, self._stop)
        loop.run_forever()
        loop.close()

    def _accept(self):
        return _Connection(self).front_protocol()

    def begun(self, connection):
        """Count *connection*. Not in `_accept`: Trollius may yet drop it, while it stops."""
        self._connections.add(connection)
        if len(self._connections) >= self.settings.connections and not self._full:
            # Others stay in the system's queue, from which another worker may take them.
            self._full = True
            self.loop.remove_reader(self._listener.fileno())
            if not self._told:
                self.say('%d connections, which is --max-connections: others wait'
                         % len(self._connections))
            self._told = True  # once: nobody wants a line for each time

    def finished(self, connection):
        """Forget *connection*."""
        self._connections.discard(connection)
        if self._stopping:
            if not self._connections:
                self.loop.stop()
        elif self._full:
            self._full = False
            # Trollius' own way to begin: it has no public one to begin again.
            self.loop._start_serving(self._accept, self._listener, server=self._server)

    def say(self, *spans):
        """Print one line."""
        self._console.line(('bad', 'sslproto27: '), *spans)

    def _print_failure(self, loop, context):
        """Print what nobody waits for as one line."""
        self.say(context['message'], ': ', printable(context.get('exception')))

    def log(self, facts):
        """Write a line of the access log; the first that cannot be written is told of."""
        # One write: lines of several processes do not mix, write(2) with O_APPEND.
        line = json.dumps(facts, sort_keys=True).encode('ascii') + b'\n'
        log = self.settings.log
        try:
            if not select.select([], [log], [], 0)[1]:
                raise OSError(errno.EAGAIN, 'nobody reads it')
            if os.write(log, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._log_lost = False
        except (OSError, select.error) as error:
            if not self._log_lost:
                self.say('the access log loses lines: ', printable(error))
            self._log_lost = True

    def _refuse(self):
        """Let nobody in any more."""
        if not self._stopping:
            self._stopping = True
            self.loop.remove_reader(self._ending)
            self._server.close()

    def _stop(self):
        if self._stopping:
            return
        self._refuse()
        if self._connections:
            self.loop.call_later(self.settings.grace, self._end_grace)
        else:
            self.loop.stop()

    def _end_grace(self):
        self.say('worker %d: --grace is over; connections cut off: %d' % (
            os.getpid(), len(self._connections)))
        self._abort()

    def _abort(self):
        self._refuse()
        if not self._connections:
            self.loop.stop()
        for connection in list(self._connections):
            connection.abort()
        self.loop.call_later(_LAST, self.loop.stop)  # whatever else may be there


class _Side(trollius.Protocol):
    """One side of a connection: what it says goes to the other one, no faster than that takes."""

    def __init__(self, connection):
        self._connection = connection
        self._paused = False
        self.transport = None
        self.other = None
        self.received = 0
        self.ended = False  # it will say no more
        self.lost = False
        self._closing = False

    def connection_made(self, transport):
        self.transport = transport
        self._connection.made(self)

    def data_received(self, data):
        self.received += len(data)
        self._connection.carry(self, data)

    def eof_received(self):
        self.ended = True
        self._connection.ended(self)
        return True  # whether to close is for the connection to say

    def connection_lost(self, exc):
        self.lost = True
        self._connection.failed(exc)
        self._connection.lost(self, exc)

    def pause_writing(self):
        self.other.set_paused(True)

    def resume_writing(self):
        self.other.set_paused(False)

    def set_paused(self, paused):
        """Stop or go on taking what this side says."""
        if self.transport is None or self.lost or paused == self._paused:
            return
        try:
            if paused:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()
        except RuntimeError:  # Trollius' way to say that it is closing: nothing more will come
            return
        self._paused = paused

    def write(self, data):
        """Say *data* (bytes) on this side, unless it has ended."""
        if self._closing or self.lost:
            return
        # That it was cut off `connection_lost` tells later. Trollius' own transports cannot say it.
        is_closing = getattr(self.transport, 'is_closing', None)
        if is_closing is None or not is_closing():
            self.transport.write(data)

    def close(self):
        """End this side, once it has been told all."""
        if self.transport is not None and not self._closing and not self.lost:
            self._closing = True
            self.transport.close()

    def abort(self):
        """Cut this side off."""
        if self.transport is not None and not self.lost:
            self._closing = True
            self.transport.abort()


class _FrontProtocol(SSLProtocol):
    """Tells its connection that there is one, before the handshake, which may fail."""

    connection = None

    def connection_made(self, transport):
        self.connection.begin(transport)
        super(_FrontProtocol, self).connection_made(transport)


class _Connection(object):
    """A client and its connection to the service."""

    def __init__(self, worker):
        self._worker = worker
        self._settings = worker.settings
        self._start = worker.loop.time()
        self._early = []  # from the client, before the service is there
        self._connecting = None  # a task, while there is one
        self._patience = self._watchdog = self._lingering = None  # timers
        self._moved = self._start
        self._facts = {}
        self._tls = None  # the client's SSLProtocol
        self.front = _Side(self)
        self.back = _Side(self)
        self.front.other, self.back.other = self.back, self.front

    def front_protocol(self):
        """Return the protocol for the client's transport."""
        if self._settings.front is None:
            return self.front
        waiter = trollius.Future(loop=self._worker.loop)
        waiter.add_done_callback(self._shook_hands)
        self._tls = _FrontProtocol(self._worker.loop, self.front, self._settings.front, waiter,
                                   server_side=True,
                                   ssl_handshake_timeout=self._settings.handshake)
        self._tls.connection = self
        return self._tls

    def _shook_hands(self, waiter):
        error = waiter.exception()
        if error is not None:
            self.failed(error)
            self._finish()

    def begin(self, transport):
        """The client is connected."""
        self._facts['peer'] = written(*transport.get_extra_info('peername')[:2])
        self._worker.begun(self)

    def made(self, side):
        """*side* can be talked to."""
        if side is self.front:
            if self._tls is None:
                self.begin(side.transport)
            else:
                self._note(side.transport)
            # Not now: Trollius 2.2.1 starts to read after this call, paused or not.
            self._worker.loop.call_soon(self._wait_for_service)
            self._moved = self._worker.loop.time()
            self._watch()
            self._connect()
        elif self.front.lost:
            side.abort()
        else:
            side.write(b''.join(self._early))
            del self._early[:]
            self.front.set_paused(False)
            if self.front.ended:
                self.ended(self.front)

    def _wait_for_service(self):
        if self.back.transport is None:
            self.front.set_paused(True)

    def _connect(self):
        settings, loop = self._settings, self._worker.loop
        options = {} if settings.back is None else dict(
            ssl=settings.back, server_hostname=settings.name,
            ssl_handshake_timeout=settings.connect)
        task = self._connecting = loop.create_task(loop.create_connection(
            lambda: self.back, settings.host, settings.port, **options))
        task.add_done_callback(self._connected)
        self._patience = loop.call_later(settings.connect, task.cancel)

    def _connected(self, task):
        self._connecting = None
        self._patience.cancel()
        error = 'no connection in time' if task.cancelled() else task.exception()
        if error is not None:
            self.failed(error, 'service: ')
            self.back.lost = True
            self.front.abort()
        self._finish_if_lost()

    def _watch(self):
        """End it when there has been silence for too long; else look again when there may be."""
        loop = self._worker.loop
        rest = self._moved + self._settings.idle - loop.time()
        if rest > 0:
            self._watchdog = loop.call_later(rest, self._watch)
        else:
            self.abort('silence')

    def carry(self, side, data):
        """Bring *data* from *side* to the other one."""
        self._moved = self._worker.loop.time()
        if side.other.transport is None:
            self._early.append(data)
        else:
            side.other.write(data)

    def ended(self, side):
        """Pass on that *side* will say no more."""
        if side is self.back:
            self._close()
        elif self.back.transport is None:
            pass  # `made` comes back to it
        elif self.back.transport.can_write_eof():
            self.back.transport.write_eof()
        else:
            self._linger(None)

    def _linger(self, received):
        """End it unless the service has said more since it had said *received* bytes."""
        if received == self.back.received:
            self._close()
        else:
            self._lingering = self._worker.loop.call_later(
                _LINGER, self._linger, self.back.received)

    def _close(self):
        self.front.close()
        self.back.close()

    def failed(self, error, whose=''):
        """Note the first error (an exception, or None) for the log."""
        if error is not None:
            self._facts.setdefault('error', whose + printable(error))

    def lost(self, side, error):
        """*side* is gone: cut the other one too if its data has been cut short, else end it."""
        if error is not None:
            side.other.abort()
        else:
            side.other.close()
        self._finish_if_lost()

    def abort(self, why='stopped'):
        """End it at once."""
        if self.front.transport is None:
            self._tls.transport.abort()  # in the handshake: that fails
            return
        self.failed(why)
        if self._connecting:
            self._connecting.cancel()
        self.front.abort()
        self.back.abort()

    def _finish_if_lost(self):
        if self.front.lost and not self._connecting and (
                self.back.lost or self.back.transport is None):
            self._finish()

    # The access log

    def _note(self, transport):
        """Keep what the log will tell; the transport forgets it."""
        known = transport.get_extra_info
        cipher = known('cipher')
        self._facts.update(
            version=known('tls_version'), cipher=cipher and cipher[0], alpn=known('alpn_protocol'),
            resumed=_resumed(known), client=_client(known),
            server_name=_text(self._settings.server_names.get(known('ssl_object'))))

    def _finish(self):
        for timer in (self._patience, self._watchdog, self._lingering):
            if timer is not None:
                timer.cancel()
        self._worker.finished(self)
        self._log()

    def _log(self):
        if self._settings.log is None:
            return
        now = datetime.datetime.utcnow().replace(microsecond=0).isoformat() + 'Z'
        facts = dict(
            self._facts, time=now, received=self.front.received, sent=self.back.received,
            seconds=round(self._worker.loop.time() - self._start, 3))
        self._worker.log(facts)


def _text(name):
    return None if name is None else printable(name)


def _resumed(known):
    try:
        return known('session_reused')
    except NotImplementedError:  # a server's of the pair engine
        return None


def _client(known):
    """Return the name of a client whom *known*, a transport's get_extra_info, tells of."""
    try:
        return name_of_client(known('peercert'))
    except ValueError as error:  # it is one of our authorities', and odd all the same
        return printable(error)
