"""
The pair of sockets through which the interpreter's own TLS objects are fed, one for the process.

CPython 2.7's ssl can only wrap sockets. So its TLS objects get one end of a pair of connected
sockets, and what is put into the other end is what they read, without a byte leaving the process.
All objects share one pair, because of three rules that this module keeps:

* A pair has one user at a time. `Pair.enter` waits for the one that another thread is; a nested use
  by the same thread (a server name callback, a signal handler, ``__del__``) first takes out what
  the outer one has in it.
* Whoever leaves has emptied both directions. Whoever was cut short, by a signal handler that
  raised, could not: the next one to enter throws away what is there.
* The sockets are looked at before each use. A forked child makes new ones under the old numbers; so
  does a process that has closed them. Where a number is somebody else's by now, the pair is lost:
  it is neither used nor closed any more.

Nothing here knows of TLS. A user has ``busy``, None at first; ``settle()``, which takes out what is
its own; and ``interruption()``, which returns the exception for one that was cut short before.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import socket
import thread
import time
from itertools import imap

try:
    import fcntl
except ImportError:  # Windows, where there is no fork that a descriptor would go through
    fcntl = None

__all__ = ['FEW', 'Pair', 'PairLost']

#: How much is read at a time where little is expected: asking for much fragments the heap.
FEW = 2048

_WAITS = frozenset([errno.EAGAIN, errno.EWOULDBLOCK])

#: Seconds between two looks at a pair that another thread uses: the first, and the most.
_FIRST_WAIT, _LONGEST_WAIT = 0.00005, 0.005

_getpid, _fstat, _get_ident = os.getpid, os.fstat, thread.get_ident


class PairLost(RuntimeError):
    """Somebody has closed the pair's descriptors, and their numbers are another one's by now."""


class Pair(object):
    """
    Two connected sockets that do not block.

    Attributes:
        inner (_socket.socket): what the native TLS objects read and write.
        outer (_socket.socket): the other end.
        lost (bool): the descriptors are somebody else's; see `PairLost`.
    """

    def __init__(self):
        self.lost = False
        self._pid = _getpid()
        self._renewals = {}
        self._holder = {}       # 0: the token of who is inside; a dict's setdefault is one step
        self._unsettled = None  # whose bytes may be in the sockets
        self.inner, self.outer = self._connected()
        self._adopt()

    @staticmethod
    def _connected():
        ends = [getattr(end, '_sock', end) for end in socket.socketpair()]
        for end in ends:
            end.setblocking(False)
        return ends

    def _adopt(self):
        """Take note of the sockets' identity, and keep them from programs that are started."""
        self._numbers = self.inner.fileno(), self.outer.fileno()
        if fcntl is not None:
            for number in self._numbers:
                fcntl.fcntl(number, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        try:
            self._identities = tuple(_identity(number) for number in self._numbers)
        except OSError:  # Windows: a socket's handle is no descriptor, and none is closed by number
            self._identities = None
        self._inner_number, self._outer_number = self._numbers
        self._inner_identity, self._outer_identity = self._identities or (None, None)

    # Who is inside

    @staticmethod
    def token(user):
        """Return what stands for one operation of *user*, for `enter` and `leave`."""
        return [user, _get_ident(), None]

    def enter(self, token):
        """
        Make the operation *token* the only one, and see that the sockets are ours and empty.

        Raises:
            RuntimeError: it is an operation of an object in whose operation this thread is already.
            PairLost: the sockets are not ours any more.
        """
        if self._pid != _getpid():
            self._after_fork()
        other = self._holder.setdefault(0, token)
        if other is not token:
            self._wait(token, other)
        user = token[0]
        unsettled = self._unsettled
        if unsettled is not None or user.busy is not None:
            self._tidy(token, unsettled)
        if self._inner_identity is not None:
            try:
                if (_fstat(self._inner_number)[1:3] != self._inner_identity
                        or _fstat(self._outer_number)[1:3] != self._outer_identity):
                    self._lose()
            except OSError:
                self._renew()
        user.busy = token
        self._unsettled = user

    def is_held(self, token):
        """Return whether the operation *token* is the innermost that is inside (bool)."""
        return self._holder.get(0) is token

    def _wait(self, token, other):
        """Wait until the other thread is done; or enter within what this very thread does."""
        mine, pause = token[1], _FIRST_WAIT
        while other is not token:
            if other[1] == mine:
                token[2] = other
                self._holder[0] = token
                return
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_WAIT)
            other = self._holder.setdefault(0, token)

    def _tidy(self, token, unsettled):
        """Deal with what an operation that is not over has left."""
        outer = token[2]
        while outer is not None:
            if outer[0] is token[0]:
                raise RuntimeError('a callback of this very object is running')
            outer = outer[2]
        if unsettled is not None:
            if token[2] is not None and token[2][0] is unsettled:
                unsettled.settle()
            else:
                self.discard()
            self._unsettled = None
        if token[0].busy is not None:
            raise token[0].interruption()

    def leave(self, token, intact):
        """
        End the operation *token*. Doing so again changes nothing.

        Args:
            intact (bool): whether it has emptied the sockets; not if it was cut short.
        """
        holder, outer = self._holder, token[2]
        if holder.get(0) is not token:
            self._leave_late(token)
            return
        if intact:
            token[0].busy = None
            self._unsettled = None
        elif outer is not None and token[0].busy is token:
            self.discard()
            self._unsettled = None
        if outer is None:
            del holder[0]
        else:
            self._unsettled = outer[0]
            holder[0] = outer

    def _leave_late(self, token):
        """Take *token* from among the outer ones: greenlets need not end in order."""
        inner = self._holder.get(0)
        while inner is not None and inner[1] == token[1]:
            if inner[2] is token:
                inner[2] = token[2]
                token[0].busy = None
                return
            inner = inner[2]

    # What is in the sockets

    def push(self, data):
        """Put *data*, or its beginning, in for the native object; return how many bytes (int)."""
        return self.outer.send(data)

    def drain(self, pieces, size=FEW):
        """
        Move all that the native object has written to the end of the list *pieces*.

        Args:
            size (int): how much to ask for at a time: more than there will be.
        """
        recv, sizes = self.outer.recv, (size,)
        try:
            while True:
                # In one step: a signal handler that comes between two would find them elsewhere.
                pieces.extend(imap(recv, sizes))
                if len(pieces[-1]) < size:
                    return
        except socket.error as error:
            _unless_it_waits(error)

    def take_back(self, pieces):
        """Move all that the native object has not read to the end of the list *pieces*."""
        recv, sizes = self.inner.recv, (FEW,)
        try:
            while True:
                pieces.extend(imap(recv, sizes))
        except socket.error as error:
            _unless_it_waits(error)

    def discard(self):
        """Throw away what is in the sockets: it belongs to somebody who was cut short."""
        self.drain([])
        self.take_back([])

    # Whose the sockets are

    def _lose(self):
        if not self.lost:
            self.lost = True
            # The numbers are somebody else's: they are not closed either when we are gone.
            _lost.append((self.inner, self.outer))
            self._inner_identity = self._outer_identity = (-1, -1)
        raise PairLost('the sockets that sslproto27 uses inside of this process have been closed,'
                       ' and their numbers %d and %d are in use for something else: TLS objects'
                       ' from before cannot go on' % self._numbers)

    def _after_fork(self):
        """Make new sockets, as the old ones are the parent's too; other threads are gone."""
        pid = _getpid()
        token = object()
        if self._renewals.setdefault(pid, token) is not token:
            while self._pid != pid:  # another thread of this new process is just doing it
                time.sleep(_FIRST_WAIT)
            return
        self._holder = {}
        self._unsettled = None
        try:
            if not self.lost and self._identities is not None:
                self._renew()
        finally:
            self._pid = pid
            self._renewals = {}

    def _renew(self):
        """
        Put new sockets under the old numbers, so that TLS objects from before go on.

        Raises:
            PairLost: one of the numbers is somebody else's.
        """
        if not self.usable():
            self._lose()
        ends = self._connected()
        # Both above both: the new ones may have got the very numbers that they are to have.
        floor = max(self._numbers) + 1
        above = [fcntl.fcntl(end.fileno(), fcntl.F_DUPFD, floor) for end in ends]
        for end in ends:
            end.close()
        for copy, number in zip(above, self._numbers):
            os.dup2(copy, number)
            os.close(copy)
        self._adopt()

    def usable(self):
        """Return whether new TLS objects may be made with it (bool)."""
        if self.lost:
            return False
        for number, identity in zip(self._numbers, self._identities or ()):
            try:
                if _identity(number) != identity:
                    return False
            except OSError:
                pass  # closed: `enter` makes new ones
        return True


def _identity(number):
    return _fstat(number)[1:3]  # inode and device


def _unless_it_waits(error):
    if error.errno not in _WAITS:
        raise error


_lost = []
