"""
The pair of sockets that feeds the interpreter's own TLS objects; one pair for the process.

CPython 2.7's ssl can only wrap sockets. So its TLS objects get one end of a pair of connected
sockets, and read the data that we put into the other end. No byte leaves the process. All objects
can share one pair because this module keeps three rules:

* A pair has one user at a time. `Pair.acquire` waits while another thread uses it; those that have
  waited for long queue, and nobody else takes the pair before them. A nested use by the same thread
  (a server name callback, a signal handler, ``__del__``) first takes out the data of the outer
  user.
* A user that releases the pair has emptied both directions. A user that a raising signal handler
  interrupted could not do so; then the next user discards the data.
* We check the sockets before each use. A forked child makes new ones under the old descriptor
  numbers; so does a process that has closed them. If a number now belongs to another file, the pair
  is lost: we neither use nor close it any more.
* If a fork comes into an operation, only the parent goes on with it.
* An operation is over once its token says so. That takes no call, so it needs no room: at the
  recursion limit, where `Pair.release` fails, it works. Others then go on without the release.

Nothing here knows of TLS. A user has ``busy``, None at first; ``save_data()``, which takes out the
user's own data; and ``interruption(by_fork)``, which returns the exception for a user that was
interrupted before.
"""
from __future__ import absolute_import, division, print_function

import _socket  # programs replace what is in socket
import errno
import os
import socket
import sys
import thread
import time
from itertools import imap

try:
    import fcntl
except ImportError:  # Windows, where no child process inherits descriptors by a fork
    fcntl = None

from ..descriptors import STANDARD, move

__all__ = ['FEW', 'OUR_MODULES', 'Pair', 'PairLost', 'is_native', 'only_waits']

#: How many bytes to read at a time if we expect few: reading with large buffers fragments the heap.
FEW = 2048

_WAITS = frozenset([errno.EAGAIN, errno.EWOULDBLOCK])

#: Seconds to wait before checking again whether another thread still uses the pair: the shortest
#: wait; each is twice as long as the one before, up to the longest; then we queue.
_SHORT_WAIT, _LONG_WAIT = 0.00005, 0.0008

#: How often a thread finds the pair free while the first of the queue does not take it, and then
#: takes it itself: that one may be in a signal handler, which may wait for us.
_PATIENCE = 100

#: The names of the modules whose calls into C may raise native errors; PyPy's ssl is in Python.
OUR_MODULES = {__name__, '_cffi_ssl._stdssl', '_cffi_ssl._stdssl.error',
               '_cffi_ssl._stdssl.utility'}

_getpid, _fstat, _get_ident = os.getpid, os.fstat, thread.get_ident


def is_native():
    """
    Return whether the exception that is being handled comes from a native call of ours (bool).

    A signal handler may raise the same classes at any moment. But its traceback shows its frame.
    """
    step = sys.exc_info()[2]
    while step is not None:
        if step.tb_frame.f_globals.get('__name__') not in OUR_MODULES:
            return False
        step = step.tb_next
    return True


def only_waits(error):
    """Return whether *error*, which is being handled, says that a socket is not ready (bool)."""
    return error.errno in _WAITS and is_native()


class PairLost(RuntimeError):
    """Other code has closed the pair's descriptors, and other files have their numbers now."""


class Pair(object):
    """
    Two connected, non-blocking sockets.

    Attributes:
        inner (_socket.socket): the end that the native TLS objects read and write.
        outer (_socket.socket): the other end.
        lost (bool): other files have the descriptor numbers; see `PairLost`.
    """

    def __init__(self):
        self.lost = False
        self._pid = _getpid()
        self._renewals = {}
        # 0: the current operation's token; 1: the dict that has replaced this one, because that
        # operation was over but not released. A dict for its atomic setdefault.
        self._holder = {}
        self._queue = []        # of `_Waiter`: threads that have waited for long
        self._last_user = None  # the user whose bytes may be in the sockets
        self.inner, self.outer = _moved(self._connected(), STANDARD)
        self._note_numbers()

    @staticmethod
    def _connected():
        ends = [getattr(end, '_sock', end) for end in _socket.socketpair()]
        for end in ends:
            end.setblocking(False)
        return ends

    def _note_numbers(self):
        """Note the sockets' identity, and make programs that we start not inherit them."""
        self._numbers = self.inner.fileno(), self.outer.fileno()
        if fcntl is not None:
            for number in self._numbers:
                fcntl.fcntl(number, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        self._inner_number, self._outer_number = self._numbers
        try:
            self._note_identities(tuple(_identity(number) for number in self._numbers))
        except OSError:  # Windows: a socket's handle is not a descriptor, nor closed by number
            self._note_identities(None)

    def _note_identities(self, identities):
        self._identities = identities
        self._inner_identity, self._outer_identity = identities or (None, None)

    # Entering and leaving

    @staticmethod
    def token(user):
        """
        Return a token for one operation of *user*, for `acquire` and `release`.

        It is [user, thread, the outer operation's token, process, place in the queue]. When the
        operation is over, even if `release` failed, its user sets the thread to None.
        """
        return [user, _get_ident(), None, None, None]

    def acquire(self, token):
        """
        Start the operation *token*, alone, and make sure that the sockets are ours and empty.

        Raises:
            RuntimeError: this thread is already inside an operation of the same object.
            PairLost: the sockets are no longer ours.
        """
        token[3] = _getpid()
        if self._pid != token[3]:
            self._after_fork()
        if self._queue or self._holder.setdefault(0, token) is not token:
            self._wait(token)
        if self._inner_identity is not None:
            try:
                if (_fstat(self._inner_number)[1:3] != self._inner_identity
                        or _fstat(self._outer_number)[1:3] != self._outer_identity):
                    self._lose()
            except OSError:
                if not is_native():
                    raise
                self._renew()
        user = token[0]
        last_user = self._last_user
        if last_user is not None or user.busy is not None:
            self._clear(token, last_user)
        user.busy = token
        self._last_user = user

    def _wait(self, token):
        """Wait until the other threads are done; if this one is inside, nest in its operation."""
        mine, pause, patience = token[1], _SHORT_WAIT, _PATIENCE
        place = token[4] = _Waiter(mine)
        while True:
            holder = self._holder
            innermost = holder.get(0)
            other = _under_way(innermost)
            if other is not None and other[1] == mine:
                token[2] = innermost
                holder[0] = token
                break
            if other is not innermost:
                self._replace(holder, innermost)
            first = (self._queue[:1] or [place])[0]
            # Ours, too, if a signal handler has interrupted the one that waits there.
            if first.thread == mine:
                if self._holder.setdefault(0, token) is token:
                    break
            elif other is None:
                patience -= 1
                if not patience:
                    self._dequeue(first)
                    patience = _PATIENCE
            time.sleep(pause)
            if self._pid != _getpid():  # a signal handler has forked: nobody else is here
                token[3] = _getpid()
                self._after_fork()
            if place in self._queue:
                pause = _SHORT_WAIT if first is place else 4 * _SHORT_WAIT
            elif pause < _LONG_WAIT:
                pause *= 2
            else:
                self._queue.append(place)
        self._dequeue(place)
        token[4] = None

    def _replace(self, holder, token):
        """
        Make room if *token*, and all around it, are over but still in *holder*.

        Its release deletes it before it is over. So if it is there, nothing deletes it any more.
        """
        if _under_way(token) is None and holder.get(0) is token:
            new = holder.setdefault(1, {})  # of all threads that come here, the first one's
            if self._holder is holder:
                self._holder = new

    def _dequeue(self, place):
        try:
            self._queue.remove(place)
        except ValueError:  # it does not wait any more
            pass

    def _clear(self, token, last_user):
        """Take out or discard the data of an unfinished operation."""
        outer = token[2]
        while outer is not None:
            if outer[0] is token[0] and outer[1] is not None:
                raise RuntimeError('a callback of this very object is running')
            outer = outer[2]
        if last_user is not None:
            outer = token[2]
            if outer is not None and outer[0] is last_user and outer[1] is not None:
                last_user.save_data()
            else:
                self.discard()
            self._last_user = None
        if token[0].busy is not None:
            raise token[0].interruption(by_fork=False)

    def release(self, token, intact):
        """
        End the operation *token*. If that fails, it ends once it is over; see `token`.

        Args:
            intact (bool): whether it has emptied the sockets; False if it was interrupted.

        Raises:
            the user's ``interruption``: a fork came into it, and this is the child.
        """
        is_here = token[3] in (None, _getpid())
        if token[4] is not None:
            self._dequeue(token[4])
            token[4] = None
        self._release(token, intact and is_here, is_here)
        if intact and not is_here:
            raise token[0].interruption(by_fork=True)

    def _release(self, token, intact, is_here):
        holder, outer = self._holder, token[2]
        if holder.get(0) is not token:
            self._release_late(token, intact)
            return
        if intact:
            token[0].busy = None
            self._last_user = None
        elif not is_here:
            self._last_user = token[0]  # its native call may have gone on in the new sockets
        elif outer is not None and token[0].busy is token:
            self.discard()
            self._last_user = None
        if _under_way(outer) is None:
            del holder[0]
        else:
            self._last_user = outer[0]
            holder[0] = outer

    def _release_late(self, token, intact):
        """Remove *token* from the outer operations: greenlets need not end in order."""
        inner = self._holder.get(0)
        while inner is not None and inner[1] in (token[1], None):
            if inner[2] is token:
                inner[2] = token[2]
                if intact:
                    token[0].busy = None
                return
            inner = inner[2]

    # Data in the sockets

    def check_process(self):
        """
        Raise the user's ``interruption`` if a fork came into the operation and this is the child.

        The bytes in the sockets are the parent's, or lost. So are they if an operation inside this
        one was not released.
        """
        token = self._holder.get(0)
        if token is not None and (token[1] is None or token[3] != _getpid()):
            token = _under_way(token)
            if token is not None:
                raise token[0].interruption(by_fork=token[3] != _getpid())

    def push(self, data):
        """Send *data*, or its beginning, to the native object; return how many bytes (int)."""
        self.check_process()
        return self.outer.send(data)

    def drain(self, pieces, size=FEW):
        """
        Move all that the native object has written to the end of the list *pieces*.

        Args:
            size (int): how many bytes to read at a time; choose more than there will be.
        """
        self.check_process()
        recv, sizes = self.outer.recv, (size,)
        try:
            while True:
                # In one step: between two, a signal handler would not find the data in *pieces*.
                pieces.extend(imap(recv, sizes))
                if len(pieces[-1]) < size:
                    return
        except socket.error as error:
            if not only_waits(error):
                raise

    def read_back(self, pieces):
        """Move all that the native object has not read to the end of the list *pieces*."""
        self.check_process()
        recv, sizes = self.inner.recv, (FEW,)
        try:
            while True:
                pieces.extend(imap(recv, sizes))
        except socket.error as error:
            if not only_waits(error):
                raise

    def discard(self):
        """Discard the data in the sockets: it belongs to an interrupted operation."""
        self.drain([])
        self.read_back([])

    # Ownership of the sockets

    def _lose(self):
        if not self.lost:
            self.lost = True
            # Other files have the numbers. Keep the sockets, so that nothing ever closes those.
            _lost.append((self.inner, self.outer))
            self._inner_identity = self._outer_identity = (-1, -1)
        raise PairLost('the sockets that sslproto27 uses inside of this process have been closed,'
                       ' and their numbers %d and %d are in use for something else: TLS objects'
                       ' from before cannot go on' % self._numbers)

    def _after_fork(self):
        """Make new sockets, since the parent uses the old ones too; no other thread survived."""
        pid = _getpid()
        mine = object()
        try:
            while self._renewals.setdefault(pid, mine) is not mine:
                time.sleep(_SHORT_WAIT)  # another thread of this new process is doing it now
                if self._pid == pid:
                    return
            # This thread's operations will still release it; those of others never will.
            token = self._holder.get(0)
            kept = _under_way(token)
            self._holder = {0: token} if kept is not None and kept[1] == _get_ident() else {}
            self._queue = []
            self._last_user = None
            if not self.lost and self._identities is not None:
                self._renew()
            self._pid = pid
        finally:
            if self._renewals.get(pid) is mine:
                self._renewals = {}

    def notice_fork(self):
        """Make new sockets at once; if that fails, the next operation tries it again."""
        if self._pid != _getpid():
            try:
                self._after_fork()
            except (PairLost, EnvironmentError):
                pass  # and says it, if it fails as well

    def _renew(self):
        """
        Put new sockets under the old numbers, so that existing TLS objects still work.

        Raises:
            PairLost: another file has one of the numbers.
        """
        if not self.usable():
            self._lose()
        ends = self._connected()
        try:
            ends = _moved(ends, self._numbers)  # they can have these if the old ones were closed
            for place, end in enumerate(ends):
                identities = list(self._identities)
                identities[place] = _identity(end.fileno())
                if not _put(end.fileno(), self._numbers[place], self._identities[place]):
                    self._lose()
                # Even if the other one fails: to try it again.
                self._note_identities(tuple(identities))
        finally:
            for end in ends:
                end.close()
        self._note_numbers()

    def usable(self):
        """Return whether no other file has one of the numbers (bool); they may be closed."""
        return not self.lost and False not in self._states()

    def _states(self):
        return [_is_still(*one) for one in zip(self._numbers, self._identities or ())]

    def is_ready(self):
        """Make new sockets if that is necessary; return whether new TLS objects can use them."""
        if self._pid == _getpid() and None not in self._states():
            return self.usable()
        token = self.token(_NoUser())
        try:
            try:
                self.acquire(token)
            finally:
                self.release(token, intact=False)
        except (PairLost, EnvironmentError):
            if not is_native():
                raise
            return False
        finally:
            token[1] = None
        return True


def _moved(ends, numbers):
    """Return the sockets *ends*, or copies, whose descriptors are none of *numbers*."""
    return [move(end, numbers, _fileno, _copy, _close) for end in ends]


def _fileno(end):
    return end.fileno()


def _copy(end):
    end = _socket.fromfd(end.fileno(), end.family, end.type)
    end.setblocking(False)
    return end


def _close(end):
    end.close()


def _under_way(token):
    """Return *token*, or the innermost operation around it that is not over; None if all are."""
    while token is not None and token[1] is None:
        token = token[2]
    return token


class _Waiter(object):
    """A thread's place in the queue."""

    __slots__ = ('thread',)

    def __init__(self, thread):
        self.thread = thread


class _NoUser(object):
    """A user that does nothing."""

    busy = None

    def save_data(self):
        pass

    def interruption(self, by_fork):
        return PairLost('this process was forked meanwhile')


def _identity(number):
    return _fstat(number)[1:3]  # inode and device


def _is_still(number, identity):
    """Return whether *number* is *identity*'s (bool); None if it is closed."""
    try:
        return _identity(number) == identity
    except OSError:
        if not is_native():
            raise
        return None


def _put(descriptor, number, identity):
    """
    Put a copy of *descriptor* under *number*, if that is *identity*'s or nobody's.

    What is ours nobody else can get, so dup2 closes nothing but ours. A number that is free
    another thread may get at any moment: dup2 would close what that has just opened.

    Returns:
        bool: False if the number is somebody else's.
    """
    found = _is_still(number, identity)
    if found is None:
        copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD, number)  # the first one that is free
        if copy == number:
            return True
        os.close(copy)
        return False
    if found:
        os.dup2(descriptor, number)
    return found


_lost = []
