"""
One worker of ``proxy``: connections between clients and the service, on a Trollius loop.

`Settings` configure it. `proxy` manages the processes and their signals.
"""
from __future__ import absolute_import, division, print_function

import collections
import datetime
import errno
import json
import os
import select
import signal
import ssl

import trollius

from .._core.waiting import is_ready
from .._stream.protocol import SSLProtocol
from ..trollius import SelectorEventLoop
from .addresses import written
from .certificates import name_of_client
from .console import Console, printable

__all__ = ['Settings', 'Worker']

#: The configuration of a worker.
#:
#: Attributes:
#:     front (ssl.SSLContext or None): for clients; None for plaintext.
#:     server_names (mapping): from SSLObject to the name that its client asked for.
#:     back (dict or None): contexts for the service, by the protocol that a client has agreed on,
#:         or None; None for plaintext.
#:     host, port (str, int): the address of the service.
#:     name (str or None): the name that the service must prove, with *back*.
#:     log (int or None): the descriptor of the access log.
#:     grace (float): seconds that connections may go on once the worker is told to stop.
#:     connections (int): the most connections at once.
#:     handshake, connect, idle (float): seconds for a client's handshake, for connecting to the
#:         service, and of silence.
Settings = collections.namedtuple(
    'Settings', 'front server_names back host port name log grace connections handshake connect'
    ' idle')

#: After a client has ended, a TLS service is told so once it has been silent for this many seconds.
#: Its transport cannot end one direction only, so an answer that is still coming would be lost.
_LINGER = 2

#: After so many rounds of the loop, the worker knows of each connection that the loop accepted:
#: Trollius needs three.
_ROUNDS = 4

_MINUTE = 60

#: A SIGTERM for a whole process group reaches all its processes within this many seconds. A worker
#: waits for so long, since a supervisor that stops, too, must not replace it.
_TOGETHER = 0.1

#: Seconds for logging the connections that were cut off.
_LAST = 1


class Worker(object):
    """
    Args:
        listener (socket.socket): the listening socket, which other processes share.
        settings (Settings): the configuration.
        stop_reader (int): a descriptor that becomes readable when the worker must stop.
        leave (callable): called soon after SIGTERM has told it to stop, unless it has ended.
    """

    def __init__(self, listener, settings, stop_reader, leave):
        self.settings = settings
        self.loop = SelectorEventLoop()
        self._listener = listener
        self._stop_reader = stop_reader
        self._leave = leave
        self._server = None
        self._connections = set()
        self._console = Console(patient=False)
        self._full = self._told = self._log_lost = False
        self._stopping = False
        self._told_of_service = None  # when

    def run(self):
        """Serve until stopped: gracefully by SIGTERM, at once by SIGINT."""
        loop = self.loop
        loop.set_exception_handler(self._print_failure)
        # The handlers need a server that they can stop, but there may be connections before the
        # next call returns it. So signals wait until then; before this, they kill the process.
        told = []

        def heed(handler):
            if self._server is None:
                told.append(handler)
            else:
                handler()

        for number, handler in (signal.SIGTERM, self._terminate), (signal.SIGINT, self._abort):
            loop.add_signal_handler(number, heed, handler)
        self._server = loop.run_until_complete(
            loop.create_server(self._accept, sock=self._listener))
        for handler in told:
            loop.call_soon(handler)
        loop.add_reader(self._stop_reader, self._stop)
        loop.run_forever()
        loop.close()

    def _accept(self):
        return _Connection(self).front_protocol()

    def begun(self, connection):
        """Count *connection*. Not in `_accept`: Trollius may still drop it while stopping."""
        self._connections.add(connection)
        if len(self._connections) >= self.settings.connections and not self._full:
            # Further ones stay in the system's queue, where another worker may take them.
            self._full = True
            self.loop.remove_reader(self._listener.fileno())
            if not self._told:
                self.say('%d connections, which is --max-connections: others wait'
                         % len(self._connections))
            self._told = True  # print this only once

    def finished(self, connection):
        """Forget *connection*."""
        self._connections.discard(connection)
        if self._stopping:
            self._stop_when_done()
        elif self._full:
            self._full = False
            # Trollius has no public method to resume accepting; this private one starts it.
            self.loop._start_serving(self._accept, self._listener, server=self._server)

    def say(self, *spans):
        """Print one line."""
        self._console.line(('bad', 'sslproto27: '), *spans)

    def tell_of_service(self, error):
        """Print that the service cannot be reached, at most once a minute."""
        now = self.loop.time()
        if self._told_of_service is None or now - self._told_of_service >= _MINUTE:
            self._told_of_service = now
            # Trollius has a text of its own for a failed connect, without the reason.
            is_system = (isinstance(error, EnvironmentError)
                         and not isinstance(error, ssl.SSLError))
            has_reason = is_system and error.errno in errno.errorcode
            self.say('service ', written(self.settings.host, self.settings.port), ': ',
                     os.strerror(error.errno) if has_reason else printable(error))

    def _print_failure(self, loop, context):
        """Print an unhandled failure as one line."""
        self.say(context['message'], ': ', printable(context.get('exception')))

    def log(self, facts):
        """Write a line of the access log; report the first that cannot be written."""
        # A single write, so that lines of several processes do not mix: write(2) with O_APPEND.
        line = json.dumps(facts, sort_keys=True).encode('ascii') + b'\n'
        log = self.settings.log
        try:
            if not is_ready(log, True, 0):
                raise OSError(errno.EAGAIN, 'nobody reads it')
            if os.write(log, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._log_lost = False
        except (OSError, select.error) as error:
            if not self._log_lost:
                self.say('the access log loses lines: ', printable(error))
            self._log_lost = True

    def _refuse(self):
        """Stop accepting connections."""
        if not self._stopping:
            self._stopping = True
            self.loop.remove_reader(self._stop_reader)
            self.loop.remove_reader(self._listener.fileno())

    def _terminate(self):
        if not self._stopping:
            self.loop.call_later(_TOGETHER, self._leave)
        self._stop()

    def _stop(self):
        if self._stopping:
            return
        self._refuse()
        self.loop.call_later(self.settings.grace, self._end_grace)
        self._stop_when_done()

    def _stop_when_done(self, rounds=_ROUNDS):
        if rounds:
            self.loop.call_soon(self._stop_when_done, rounds - 1)
        else:
            self._server.close()  # not before: Trollius would drop what it has just accepted
            if not self._connections:
                self.loop.stop()

    def _end_grace(self):
        if self._connections:
            self.say('worker %d: --grace is over; connections cut off: %d' % (
                os.getpid(), len(self._connections)))
            self._abort()

    def _abort(self):
        self._refuse()
        if not self._connections:
            self.loop.stop()
        for connection in list(self._connections):
            connection.abort()
        self.loop.call_later(_LAST, self.loop.stop)  # even if some connections are left


class _Side(trollius.Protocol):
    """One side of a connection. Its data goes to the other side, which can slow it down."""

    def __init__(self, connection):
        self._connection = connection
        self._paused = False
        self.transport = None
        self.other = None
        self.received = 0
        self.ended = False  # whether its data has ended
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
        return True  # do not close: the connection decides that

    def connection_lost(self, exc):
        self.lost = True
        self._connection.failed(exc)
        self._connection.lost(self, exc)

    def pause_writing(self):
        self.other.set_paused(True)

    def resume_writing(self):
        self.other.set_paused(False)

    def set_paused(self, paused):
        """Pause or resume reading from this side."""
        if self.transport is None or self.lost or paused == self._paused:
            return
        try:
            if paused:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()
        except RuntimeError:  # Trollius raises this if the transport is closing: no data will come
            return
        self._paused = paused

    def write(self, data):
        """Send *data* (bytes) to this side, unless we have closed it or it is lost."""
        if self._closing or self.lost:
            return
        # `connection_lost` may come later. Trollius' own transports have no is_closing.
        is_closing = getattr(self.transport, 'is_closing', None)
        if is_closing is None or not is_closing():
            self.transport.write(data)

    def close(self):
        """Close this side once all data has been sent to it."""
        if self.transport is not None and not self._closing and not self.lost:
            self._closing = True
            self.transport.close()

    def abort(self):
        """Cut this side off."""
        if self.transport is not None and not self.lost:
            self._closing = True
            self.transport.abort()


class _FrontProtocol(SSLProtocol):
    """Tells its `_Connection` that the client is there, before the handshake, which may fail."""

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
        self._early = []  # the client's data, before the service is connected
        self._connecting = None  # the task that connects to the service, while it runs
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
        """Note that the client is connected."""
        self._facts['peer'] = written(*transport.get_extra_info('peername')[:2])
        self._worker.begun(self)

    def made(self, side):
        """Note that *side* is ready for data."""
        if side is self.front:
            if self._tls is None:
                self.begin(side.transport)
            else:
                self._note(side.transport)
            # Not now: Trollius starts reading after this call even if it is paused.
            self._worker.loop.call_soon(self._wait_for_service)
            self._moved = self._worker.loop.time()
            self._watch()
            self._connect()
        elif self.front.lost:
            side.abort()
        elif not self._agree(side.transport.get_extra_info('alpn_protocol')):
            self.front.abort()
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
            ssl=settings.back[self._facts.get('alpn')], server_hostname=settings.name,
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
            if 'error' not in self._facts:  # else the client, or we, ended it first
                self._worker.tell_of_service(error)
            self.failed(error, 'service: ')
            self.back.lost = True
            self.front.abort()
        self._finish_if_lost()

    def _agree(self, chosen):
        """Return whether the service has *chosen* what the client agreed on, or has not chosen."""
        agreed = self._facts.get('alpn')
        if chosen in (None, agreed):
            return True
        error = 'it chose %s, its client %s' % (chosen, agreed or 'nothing')
        self._worker.tell_of_service(error)
        self.failed(error, 'service: ')
        return False

    def _watch(self):
        """End the connection after too much silence; otherwise check again later."""
        loop = self._worker.loop
        rest = self._moved + self._settings.idle - loop.time()
        if rest > 0:
            self._watchdog = loop.call_later(rest, self._watch)
        else:
            self.abort('silence')

    def carry(self, side, data):
        """Send *data* from *side* to the other side."""
        self._moved = self._worker.loop.time()
        if side.other.transport is None:
            self._early.append(data)
        else:
            side.other.write(data)

    def ended(self, side):
        """Pass on the end of the data of *side*."""
        if side is self.back:
            self._close()
        elif self.back.transport is None:
            pass  # `made` calls this again
        elif self.back.transport.can_write_eof():
            self.back.transport.write_eof()
        else:
            self._linger(None)

    def _linger(self, received):
        """Close unless the service has sent more than *received* bytes by now."""
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
        """Note that *side* is gone: abort the other side if data was cut short, else close it."""
        if error is not None:
            side.other.abort()
        else:
            side.other.close()
        self._finish_if_lost()

    def abort(self, why='stopped'):
        """End the connection at once."""
        if self.front.transport is None:
            self._tls.transport.abort()  # in the handshake, which then fails
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
        """Keep the facts for the log, since the transport forgets them."""
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
    except NotImplementedError:  # the pair engine does not know this for a server
        return None


def _client(known):
    """Return the client's name; *known* is its transport's get_extra_info."""
    try:
        return name_of_client(known('peercert'))
    except ValueError as error:  # even a trusted authority can issue a malformed certificate
        return printable(error)
