"""
Which process may use what a fork has copied. Nothing here knows of TLS, of sockets or of loops.

A fork leaves two copies of an object that one process alone may use: a cipher's keys, which two
must never count on with. Nobody can tell beforehand which of the two it is for, so each fork leaves
it open, and the first of the two processes that uses its copy takes it:

    of one process --fork--> open --first use--> of the one that was first, lost to the other one

Before a fork both sides get two things to share: memory with two bytes for each object, one for
each side, and a pipe of which the parent keeps the end for reading and the children the other one.
Who wants to use an object sets its own byte, then looks at the other. If both do so at once, both
lose. The pipe ends when no child is left: those that have started another program (exec) count as
gone. It carries no data.

Forks are noticed where Python tells of them (os.register_at_fork, 3.7) or, before that, as os.fork
and os.forkpty are replaced when the first object is made. In the child of any other fork everything
that is older is lost.
"""
from __future__ import absolute_import, division, print_function

import errno
import functools
import mmap
import os
import threading
import weakref

try:
    import fcntl
    from termios import FIONREAD
except ImportError:  # Windows: nothing forks
    fcntl = None

__all__ = ['OneProcess', 'getpid', 'guard']

getpid = os.getpid

_PARENT, _CHILD = 0, 1

# In the place of a process' number
_OPEN = 0    # a fork has left open whose it is
_LOST = -1   # another process'


if hasattr(threading, 'get_ident'):
    def get_ident():
        """Return what tells threads apart; and greenlets, whenever gevent or eventlet has come."""
        return threading.get_ident()
else:
    def get_ident():  # 2.7's name
        return threading._get_ident()


class OneProcess(object):
    """
    What one process alone may use. Before each use, call `take` unless `_pid` is that process.
    """

    __slots__ = ('_pid', '_maker', '_claims', '__weakref__')

    def __init__(self):
        pid = getpid()
        _notice(pid)
        _watch()
        self._pid = self._maker = pid
        self._claims = None  # else a list of (_Fork, number in it): what is open
        _live.add(weakref.ref(self, _live.discard))

    def take(self):
        """
        Make this the process that uses it, unless another one is.

        Returns:
            bool: whether it is; once it is not, it never is again.
        """
        pid = getpid()
        _notice(pid)
        with guard():
            while self._pid != pid:
                if self._pid != _OPEN:
                    return False
                claims = list(self._claims)
                # All of them: what is not taken could still be taken by somebody else.
                if not all([fork.take(number) for fork, number in claims]):
                    self._lose()
                    return False
                for claim in claims:
                    self._drop(claim)
                self._pid = pid
                if self._claims:  # a signal's handler has forked meanwhile
                    self._pid = _OPEN
        return True

    def may_end(self, is_wanted=False):
        """
        Return whether it is for this process to end it in good order, as far as others go (bool).

        It is for the process that uses it; else for the one that was there before the fork, once no
        child is left that could use it. That process then has taken it.

        Args:
            is_wanted (bool): do not wait for the children: there is work to be done with it.
        """
        pid = getpid()
        if self._pid == pid:
            return True
        _notice(pid)
        if self._pid != _OPEN:
            return False
        for fork, _ in list(self._claims):
            if fork.side == _CHILD or not (is_wanted or fork.is_childless()):
                return False
        return self.take()

    def came_by_fork(self):
        """Return whether another process has made it (bool)."""
        return self._maker != getpid()

    def replace_locks(self, owner, names, tight):
        """
        Give *owner* new locks if it came by fork: threads that held its own have stayed behind.

        Args:
            owner: what has the locks, and the attribute ``_process``: the number of the process
                that they are of.
            names (list of str): of its attributes that are locks.
            tight (list of str): those of them under which things are changed; if one was held in
                the fork, nobody knows what was changed, and this process loses the object.
        """
        with guard():
            if owner._process == getpid():
                return
            if not all([getattr(owner, name).acquire(False) for name in tight]):
                self._lose()
            for name in names:
                setattr(owner, name, threading.Lock())
            owner._process = getpid()

    def let_go(self):
        """Leave it to other processes, for good."""
        if self._pid == _OPEN:
            self._lose()

    def _lose(self):
        self._pid = _LOST
        for claim in list(self._claims or ()):
            self._drop(claim)

    def _drop(self, claim):
        self._claims.remove(claim)
        claim[0].forget()

    def _leave_open(self, fork, number):
        """Take note of a fork, before it."""
        if self._pid == _LOST or self._pid != _OPEN and self._pid != getpid():
            return
        if self._claims is None:
            self._claims = []
        self._claims.append((fork, number))
        self._pid = _OPEN

    def _settle(self, childless):
        """Take what no child is left to take, so that forks do not add up."""
        for fork, number in list(self._claims or ()):
            if fork not in childless:
                childless[fork] = fork.side == _PARENT and fork.is_childless()
            if childless[fork]:
                if not fork.take(number):
                    self._lose()
                    return
                self._drop((fork, number))
        if self._pid == _OPEN and not self._claims:
            self._pid = getpid()


class _Fork(object):
    """
    One fork, as seen from either side.

    Attributes:
        side (int): which side this process is on: the parent's until it is known.
        order (int): how many forks had begun before this one.
    """

    def __init__(self, size, order):
        self.side = _PARENT
        self.order = order
        self.size = self._open = size
        self._ends, self._identities = [], []
        if not size:
            return
        self._shared = mmap.mmap(-1, 2 * size)
        self._ends += os.pipe()
        for end in self._ends:
            self._identities.append(_identity(end))
            fcntl.fcntl(end, fcntl.F_SETFD, fcntl.fcntl(end, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)
        first = self._ends[_PARENT]
        fcntl.fcntl(first, fcntl.F_SETFL, fcntl.fcntl(first, fcntl.F_GETFL) | os.O_NONBLOCK)

    def happened(self, side):
        """Be of *side* from now on."""
        self.side = side
        self._close(1 - side)

    def take(self, number):
        """Set our byte of an object; return whether the other side has not set its own (bool)."""
        shared, place = self._shared, 2 * number
        ours, other = place + self.side, place + 1 - self.side
        shared[ours:ours + 1] = b'\1'
        # A processor may look at the other byte before ours is seen by others. This call takes the
        # pipe's own lock in the kernel, in either process: who comes second sees the other's byte.
        if not self._has(self.side):
            return False  # somebody has closed our descriptor: nobody can tell
        fcntl.ioctl(self._ends[self.side], FIONREAD, b'size')
        return shared[other:other + 1] == b'\0'

    def forget(self):
        """Take note that one object less is open; with the last one the descriptor goes."""
        self._open -= 1
        if not self._open:
            self.close()

    def close(self):
        """Close what is open."""
        self._close(_PARENT)
        self._close(_CHILD)

    __del__ = close

    def is_childless(self):
        """Return whether no child is left, on the parent's side (bool)."""
        if not self._has(_PARENT):
            return False
        try:
            return os.read(self._ends[_PARENT], 1) == b''
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EINTR):
                raise
            return False

    def _has(self, side):
        """Return whether our descriptor of a side is still what it was (bool)."""
        try:
            return _identity(self._ends[side]) == self._identities[side]
        except (OSError, IndexError, TypeError):  # closed by somebody, never made, closed by us
            return False

    def _close(self, side, close=os.close):
        if self._has(side):
            close(self._ends[side])
            self._ends[side] = None


def _identity(descriptor, fstat=os.fstat):
    """Return what tells a descriptor from another one that has got its number since."""
    status = fstat(descriptor)
    return status.st_dev, status.st_ino


# What is known of this process

_live = set()     # weak references to all objects
_here = getpid()  # the process that all of this is about
_lock = threading.RLock()
_pending = {}     # by thread: its forks that are under way, the innermost last
_begun = 0        # how many forks have been
_watched = []     # whether Python tells of forks; else the functions that stand for os.fork


def guard():
    """Return the lock over what changes when an object changes hands; never held in a fork."""
    return _lock


def _objects():
    return [found for found in [reference() for reference in _live.copy()] if found is not None]


def _notice(pid):
    """Find out whether this process is the child of a fork that nobody has told of."""
    global _here, _lock
    if pid != _here:
        _lock = threading.RLock()
        _here = pid
        _pending.clear()
        for one in _objects():
            one._lose()


def _watch():
    """See to it that forks are noticed from now on."""
    if fcntl is None or _watched == [True]:
        return
    if hasattr(os, 'register_at_fork'):
        _watched.append(True)
        os.register_at_fork(before=_before, after_in_parent=_after_in_parent,
                            after_in_child=_after_in_child)
        return
    # Somebody may have put a function of his own there since: gevent does.
    for name in 'fork', 'forkpty':
        function = getattr(os, name, None)
        if function is not None and function not in _watched:
            function = _telling(function)
            _watched.append(function)
            setattr(os, name, function)


def _telling(function):
    """Return os.fork, or what is in its place, as a function that tells of it."""
    @functools.wraps(function, ('__name__', '__doc__'), ())
    def fork():
        if get_ident() in _pending:  # a function over ours has told of it already
            return function()
        _before()
        child = False
        try:
            result = function()
            child = result == 0 or isinstance(result, tuple) and result[0] == 0
            return result
        finally:
            if child:
                _after_in_child()
            else:
                _after_in_parent()
    return fork


def _before():
    global _begun
    _notice(getpid())
    with guard():
        objects = _objects()
        childless = {}
        for one in objects:
            one._settle(childless)
        _begun += 1
        try:
            fork = _Fork(len(objects), _begun)
        except (EnvironmentError, mmap.error):
            fork = _Fork(0, _begun)  # nobody can tell, then: the child gets nothing
        else:
            for number, one in enumerate(objects):
                one._leave_open(fork, number)
        _pending.setdefault(get_ident(), []).append(fork)


def _after_in_parent():
    _next_pending().happened(_PARENT)


def _after_in_child():
    global _here, _lock
    _lock = threading.RLock()
    _here = getpid()
    fork = _next_pending()
    fork.happened(_CHILD)
    for forks in _pending.values():  # other threads', which are not here
        for other in forks:
            other.happened(_PARENT)
    _pending.clear()
    if not fork.size or fork.order != _begun:
        # What others than this fork have left open is open to the parent as well.
        for one in _objects():
            if one._pid == _OPEN and all(other is not fork for other, _ in one._claims):
                one._lose()


def _next_pending():
    forks = _pending.get(get_ident())
    if not forks:  # another fork within this one, of which nobody has told
        return _Fork(0, 0)
    fork = forks.pop()
    if not forks:
        del _pending[get_ident()]
    return fork
