"""
An event loop with a clock of its own, transports in memory, and what speaks over them.

`Loop` and `Transport` stand for a framework: they promise no more than Trollius or asyncio does,
and are as strict as the stricter of the two. `Remote` is a peer that does only what the test says.
"""
from __future__ import absolute_import, division, print_function

import collections
import heapq
import itertools
import ssl

from sslproto27 import SSLProtocol
from tests.support.memory import Endpoint, whole

__all__ = ['App', 'Connection', 'Loop', 'ModernTransport', 'Remote', 'Transport', 'Waiter', 'join',
           'types']


def types(outcomes):
    """Return the class of each outcome."""
    return [type(outcome) for outcome in outcomes]


class Handle(object):
    """A callback that can be cancelled; it then refers to nothing any more."""

    def __init__(self, callback, args):
        self.callback, self.args = callback, args

    def cancel(self):
        """Forget the callback."""
        self.callback = self.args = None

    def __call__(self):
        callback, args = self.callback, self.args
        self.cancel()
        if callback is not None:
            callback(*args)


class Loop(object):
    """
    What `SSLProtocol` needs of an event loop. Time passes only in `advance`.

    Attributes:
        debug (bool): what get_debug returns.
        errors (list of dict): what call_exception_handler was given.
    """

    def __init__(self):
        self.debug = False
        self.errors = []
        self._now = 0.0
        self._order = itertools.count()
        self._ready = collections.deque()
        self._later = []

    def get_debug(self):
        """Return whether more is to be logged and checked."""
        return self.debug

    def create_future(self):
        """Return a new future."""
        return Waiter()

    def call_exception_handler(self, context):
        """Note an error that nobody handled."""
        self.errors.append(context)

    def time(self):
        """Return the seconds that have passed."""
        return self._now

    def call_soon(self, callback, *args):
        """Call *callback* in the next turn."""
        handle = Handle(callback, args)
        self._ready.append(handle)
        return handle

    def call_later(self, delay, callback, *args):
        """Call *callback* once *delay* seconds have passed."""
        handle = Handle(callback, args)
        heapq.heappush(self._later, (self._now + delay, next(self._order), handle))
        return handle

    def turn(self):
        """
        Call what is ready now, and nothing that comes of it; return whether there was anything.
        """
        count = len(self._ready)
        for _ in range(count):
            self._ready.popleft()()
        return count > 0

    def run(self):
        """Go on until nothing is ready."""
        for _ in itertools.repeat(None, 100000):
            if not self.turn():
                return
        raise AssertionError('the loop never comes to rest')

    def advance(self, seconds):
        """Let time pass."""
        self.run()
        end = self._now + seconds
        while self._later and self._later[0][0] <= end:
            self._now, _, handle = heapq.heappop(self._later)
            handle()
            self.run()
        self._now = end

    @property
    def timers(self):
        """How many calls are still to come later."""
        return sum(1 for _, _, handle in self._later if handle.callback is not None)


class Transport(object):
    """
    One end of a connection in memory, with the rules of Trollius 2.2.1's transports.

    Attributes:
        sent (bytes): all that was written.
        blocked (bool): the other end takes nothing: what is written stays in the buffer.
        split (callable): from bytes to the pieces in which the other end receives them.
        closed (bool): close or abort has been called.
        aborted (bool): abort has been called.
    """

    def __init__(self, loop, extra=None):
        self._loop = loop
        self._extra = extra or {}
        self.protocol = self.other = None
        self.sent = b''
        self.blocked = self.closed = self.aborted = self.paused = False
        self.split = whole
        self._writing_paused = False
        self._buffer = []
        self._inbox = []  # bytes, then None for EOF
        self._lost = False

    @property
    def _closing(self):
        """All that Trollius 2.2.1's transports have to tell that they are closing or closed."""
        return self.closed

    @property
    def _protocol(self):
        """All that they have to be given another protocol."""
        return self.protocol

    @_protocol.setter
    def _protocol(self, protocol):
        self.protocol = protocol

    @property
    def _paused(self):
        """All that they have to tell that they are paused."""
        return self.paused

    def get_extra_info(self, name, default=None):
        """Return what the test put there."""
        return self._extra.get(name, default)

    # Writing

    def write(self, data):
        """Send bytes, or buffer them while blocked."""
        assert type(data) is bytes
        assert data, 'a write of nothing'
        if self._lost or self.aborted:
            return
        self.sent += data
        self._buffer.append(data)
        if self.blocked:
            if not self._writing_paused:
                self._writing_paused = True
                self.protocol.pause_writing()
        else:
            self._send()

    def get_write_buffer_size(self):
        """Return how many bytes wait."""
        return sum(map(len, self._buffer))

    def block(self):
        """Let the other end take nothing more."""
        self.blocked = True

    def unblock(self):
        """Let the other end take what there is, and what follows."""
        self.blocked = False
        self._send()
        if self._writing_paused:
            self._writing_paused = False
            was_closed = self.closed
            self.protocol.resume_writing()
            assert was_closed or self.aborted or not self.closed, 'closed in resume_writing'
        if self.closed and not self.aborted:
            self._lose(None)

    def _send(self):
        buffer, self._buffer = self._buffer, []
        for data in buffer:
            self.other._arrive(data)

    # Closing

    def close(self):
        """Send what is buffered, then close."""
        if self.closed:
            return
        self.closed = True
        if not self._buffer:
            self._lose(None)

    def abort(self):
        """Close at once."""
        self.closed = self.aborted = True
        del self._buffer[:]
        self._lose(None)

    def break_down(self, error):
        """Be lost with *error*, as by a reset of the peer's."""
        self.closed = self.aborted = True
        self._lose(error)

    def send_eof(self):
        """Half-close: the other end gets EOF."""
        self.other._arrive(None)

    def _lose(self, error):
        if not self._lost:
            self._lost = True
            self._loop.call_soon(self._tell_lost, error)

    def _tell_lost(self, error):
        protocol, self.protocol = self.protocol, None
        other, self.other = self.other, None
        if protocol is not None:
            protocol.connection_lost(error)
        if other is not None:
            other._arrive(None)

    # Reading

    def _arrive(self, data):
        self._inbox.append(data)
        self._loop.call_soon(self._deliver)

    def _deliver(self):
        """Hand the protocol what one read of a socket would: all there is, EOF apart."""
        if self.paused or self.closed or not self._inbox:
            return
        if self._inbox[0] is None:
            del self._inbox[0]
            if not self.protocol.eof_received():
                self.close()
            return
        data = b''
        while self._inbox and self._inbox[0] is not None:
            data += self._inbox.pop(0)
        pieces = self.split(data)
        for number, piece in enumerate(pieces):
            if self.paused or self.closed:
                self._inbox.insert(0, b''.join(pieces[number:]))
                return
            self.protocol.data_received(piece)
        if self._inbox:
            self._loop.call_soon(self._deliver)

    def pause_reading(self):
        """Stop data_received."""
        if self.closed:
            raise RuntimeError('Cannot pause_reading() when closing')
        if self.paused:
            raise RuntimeError('Already paused')
        self.paused = True

    def resume_reading(self):
        """Go on after pause_reading."""
        if not self.paused:
            raise RuntimeError('Not paused')
        self.paused = False
        self._loop.call_soon(self._deliver)


class ModernTransport(Transport):
    """The same, with what asyncio's transports have and Trollius's lack."""

    def is_closing(self):
        """Return whether it is closing or closed."""
        return self.closed


def join(loop, one, other, cls=Transport, extra=None):
    """Connect two protocols; return the transport of each. Nobody is told yet."""
    transports = cls(loop, extra), cls(loop, extra)
    for transport, protocol, opposite in zip(transports, (one, other), transports[::-1]):
        transport.protocol, transport.other = protocol, opposite
    return transports


class Waiter(object):
    """
    A future, as far as a protocol knows it.

    Attributes:
        outcomes (list): each result and exception that it was given.
    """

    def __init__(self):
        self.outcomes = []
        self.cancelled = False

    def done(self):
        """Return whether there is an outcome."""
        return self.cancelled or bool(self.outcomes)

    def set_result(self, result):
        """Succeed."""
        self.outcomes.append(result)

    def set_exception(self, error):
        """Fail."""
        self.outcomes.append(error)


class App(object):
    """
    An application's protocol that notes what it is told.

    Attributes:
        names (list of str): the callbacks, in order; data_received once for a run of them.
        data (bytes): all that was received.
        lost (list): what connection_lost said, each time.
        hooks (dict): by callback, what to do in it: called with this object.
        keep_open (bool): what eof_received returns.
    """

    def __init__(self, keep_open=False, **hooks):
        self.names, self.lost, self.chunks = [], [], []
        self.transport = None
        self.keep_open = keep_open
        self.hooks = hooks

    @property
    def data(self):
        """All that was received."""
        return b''.join(self.chunks)

    def _note(self, name):
        if name != 'data_received' or self.names[-1:] != [name]:
            self.names.append(name)
        hook = self.hooks.get(name)
        if hook is not None:
            hook(self)

    def connection_made(self, transport):
        """Keep the transport."""
        self.transport = transport
        self._note('connection_made')

    def data_received(self, data):
        """Keep the data."""
        assert type(data) is bytes
        assert data, 'data_received of nothing'
        self.chunks.append(data)
        self._note('data_received')

    def eof_received(self):
        """Say whether to stay open."""
        self._note('eof_received')
        return self.keep_open

    def connection_lost(self, error):
        """Keep the error."""
        self.lost.append(error)
        self._note('connection_lost')

    def pause_writing(self):
        """Note it."""
        self._note('pause_writing')

    def resume_writing(self):
        """Note it."""
        self._note('resume_writing')


class Remote(Endpoint):
    """
    A peer: a TLS object over a transport, which does what the test says and nothing else.

    Attributes:
        received (bytes): plaintext so far.
        eof (bool): EOF has come.
        lost (list): what connection_lost said, each time.
        closed (bool): the other side's close_notify has come.
        error (ssl.SSLError or None): what reading ended in: an alert, say.
    """

    @classmethod
    def over(cls, loop, context, **kwargs):
        """Return a peer whose TLS object is made by `sslproto27.wrap_bio` with *kwargs*."""
        self = cls.wrap(context, **kwargs)
        self.loop = loop
        self.transport = None
        self.received = b''
        self.raw = b''
        self.eof = self.closed = False
        self.lost = []
        self.error = None
        return self

    # Called by the transport

    def data_received(self, data):
        """Keep the records for the TLS object."""
        self.raw += data
        self.incoming.write(data)

    def eof_received(self):
        """Stay open."""
        self.eof = True
        return True

    def connection_lost(self, error):
        """Note it."""
        self.lost.append(error)

    def pause_writing(self):
        """Nothing waits for this."""

    resume_writing = pause_writing

    # Called by the test

    def flush(self):
        """Send what the TLS object has to say, and let everybody take note."""
        data = self.outgoing.read()
        if data:
            self.transport.write(data)
        self.loop.run()
        return self

    def try_handshake(self):
        """Shake hands for as long as there are bytes to send; return whether it is done."""
        self.loop.run()
        done = self.handshake_is_done()
        while not done and self.outgoing.pending:
            self.flush()
            done = self.handshake_is_done()
        self.flush()
        return done

    def handshake(self):
        """Shake hands."""
        assert self.try_handshake(), 'the handshake stands still'
        return self

    def write(self, data):
        """Send plaintext."""
        self.sslobj.write(data)
        return self.flush()

    def read(self):
        """Return all plaintext received so far; note the end or the error behind it."""
        self.loop.run()
        try:
            while True:
                chunk = self.sslobj.read(16384)
                if not chunk:
                    self.closed = True
                    break
                self.received += chunk
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.closed = True
        except ssl.SSLError as error:
            self.error = type(error), error.reason
        return self.received

    def close_notify(self):
        """End our side of TLS, after reading what there is: OpenSSL insists (SSL_shutdown(3))."""
        self.read()
        try:
            self.sslobj.unwrap()
        except ssl.SSLWantReadError:
            pass
        return self.flush()

    def send_eof(self):
        """End our side of TCP."""
        self.transport.send_eof()
        self.loop.run()
        return self


class Connection(object):
    """
    An `SSLProtocol` with its application, over a transport in memory to a `Remote`.

    Args:
        ours (ssl.SSLContext): the protocol's.
        theirs (ssl.SSLContext): the remote's.
        server_side (bool): which side the protocol is.
        cls (type): the class of the transports.
        remote (dict): further arguments of the remote's TLS object.
        loop (Loop): another loop than a new one.
        **kwargs: further arguments of the protocol.

    Attributes:
        loop, app, waiter, protocol, remote: the objects.
        lower (Transport): the one below the protocol.
        transport (SSLTransport): the one above it.
    """

    def __init__(self, ours, theirs, server_side=False, app=None, waiter=Waiter, cls=Transport,
                 remote=None, loop=None, **kwargs):
        self.loop = loop or Loop()
        self.app = app or App()
        self.waiter = waiter and waiter()
        kwargs.setdefault('server_hostname', None if server_side else 'localhost')
        self.protocol = SSLProtocol(
            self.loop, self.app, ours, self.waiter, server_side=server_side, **kwargs)
        self.transport = self.protocol.transport
        if remote is None:
            remote = dict(server_hostname='localhost') if server_side else dict(server_side=True)
        self.remote = Remote.over(self.loop, theirs, **remote)
        self.lower, self.remote.transport = join(
            self.loop, self.protocol, self.remote, cls, {'peername': ('192.0.2.1', 443)})

    def start(self):
        """Tell the protocol that it is connected."""
        self.protocol.connection_made(self.lower)
        return self

    def handshake(self):
        """Shake hands."""
        self.start()
        self.remote.handshake()
        return self

    @property
    def outcomes(self):
        """What the waiter was given."""
        return self.waiter.outcomes
