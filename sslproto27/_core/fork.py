"""
Decides which process may use an object that a fork has copied. Knows no TLS, sockets or loops.

A fork copies objects that only one process may use: two processes must never continue with the same
cipher's keys. We cannot know beforehand which of the two will need it. So each fork leaves the
object open, and the first process that uses its copy takes it:

    owned --fork--> open --first use--> owned by the process that was first, lost to the other one

Before a fork we make two things for both sides to share. One is memory with two bytes for each
object, one byte for each side. The other is a pipe: the parent keeps the reading end and the
children the writing end. To take an object, a process sets its own byte, then looks at the other
byte. If both do so at once, both lose. The pipe carries no data. It ends when no child is left;
children that have started another program (exec) count as gone.

Since 3.7 Python reports forks (os.register_at_fork). Before that, we replace os.fork and os.forkpty
when the first object is made, or when `call_after_forks` is called. In the child of any other fork,
all older objects are lost.
"""
from __future__ import absolute_import, division, print_function

import errno
import functools
import mmap
import os
import sys
import threading
import time
import traceback
import weakref

try:
    import fcntl
    from termios import FIONREAD
except ImportError:  # Windows: nothing forks
    fcntl = None

from .descriptors import above_standard

__all__ = ['OneProcess', 'call_after_forks', 'getpid']

getpid = os.getpid

_PARENT, _CHILD = 0, 1

# Used instead of a process ID
_OPEN = 0    # after a fork: no process has taken it yet
_LOST = -1   # another process has it


if hasattr(threading, 'get_ident'):
    def get_ident():
        """Return the thread's ID; the greenlet's, even if gevent or eventlet patches later."""
        return threading.get_ident()
else:
    def get_ident():  # 2.7's name
        return threading._get_ident()


#: Seconds until a thread looks again whether another one still changes ownership.
_TURN = 0.0005


def _alone(function):
    """
    Decorate a function that changes ownership: one thread at a time runs any of these.

    A signal handler may call one inside another. This is no RLock: 2.7's is written in Python, and
    at the recursion limit there may be room to take it, but none to release it.
    """
    @functools.wraps(function, ('__name__', '__doc__'), ())
    def call(*args, **kwargs):
        token = [get_ident()]
        # Two levels, because a signal handler's exception may interrupt a finally too. Neither
        # calls anything in Python.
        try:
            try:
                while True:
                    holder = _changing.setdefault(0, token)
                    if holder is token or holder[0] == token[0]:
                        return function(*args, **kwargs)
                    time.sleep(_TURN)
            finally:
                if _changing.get(0) is token:
                    del _changing[0]
        finally:
            if _changing.get(0) is token:
                del _changing[0]
    return call


class OneProcess(object):
    """
    An object that only one process may use. Before each use, call `take` unless `_pid` is this one.
    """

    __slots__ = ('_pid', '_maker', '_claims', '__weakref__')

    def __init__(self):
        pid = getpid()
        _detect_fork(pid)
        _install_hooks()
        self._pid = self._maker = pid
        self._claims = None  # or a list of (_Fork, our number in it): the forks that are open
        _live.add(weakref.ref(self, _live.discard))

    @_alone
    def _take(self, pid):
        """Do what `take` does; this process is *pid*."""
        while self._pid != pid:
            if self._pid != _OPEN:
                return False
            claims = list(self._claims)
            # Take all of them: another process could still take the rest.
            is_ours = all([fork.take(number) for fork, number in claims])
            if self._pid == pid:  # a signal handler has taken it meanwhile
                break
            if not is_ours:
                self._lose()
                return False
            for claim in claims:
                self._drop(claim)
            self._pid = pid
            if self._claims:  # a signal handler has forked meanwhile
                self._pid = _OPEN
        return True

    def take(self):
        """
        Take the object for this process, unless another one has it.

        Returns:
            bool: whether this process has it. Once False, it stays so.
        """
        pid = getpid()
        _detect_fork(pid)
        return self._take(pid)

    def may_end(self, is_wanted=False):
        """
        Return whether this process may end the object in good order (bool).

        The process that has taken it may. If none has, the parent may once no child is left that
        could use it, and takes it by this call.

        Args:
            is_wanted (bool): the parent need not wait for its children: it still needs the object.
        """
        pid = getpid()
        if self._pid == pid:
            return True
        _detect_fork(pid)
        return self._may_take(is_wanted)

    @_alone
    def _may_take(self, is_wanted):
        if self._pid != _OPEN:
            return False
        for fork, _ in list(self._claims):
            if fork.side == _CHILD or not (is_wanted or fork.is_childless()):
                return False
        return self.take()

    def is_inherited(self):
        """Return whether another process made this object (bool)."""
        return self._maker != getpid()

    @_alone
    def replace_locks(self, owner, names, tight):
        """
        Give *owner* new locks after a fork: the threads that held the old ones are not here.

        Args:
            owner: the object that has the locks, and an attribute ``_process``: the ID of the
                process that they belong to.
            names (list of str): its attributes that are locks.
            tight (list of str): the locks that guard changes. If one was held during the fork, a
                change may be half done, so this process loses the object.
        """
        if owner._process == getpid():
            return
        if not all([getattr(owner, name).acquire(False) for name in tight]):
            self._lose()
        for name in names:
            setattr(owner, name, threading.Lock())
        owner._process = getpid()

    def disown(self):
        """Leave the object to other processes, for good."""
        if self._pid == _OPEN:
            self._lose_alone()

    @_alone
    def _lose_alone(self):
        self._lose()

    def _lose(self):
        self._pid = _LOST
        for claim in list(self._claims or ()):
            self._drop(claim)

    def _drop(self, claim):
        try:
            self._claims.remove(claim)
        except ValueError:  # a signal handler has
            return
        claim[0].forget(claim[1])

    def _leave_open(self, fork, number):
        """Register a fork that is about to happen."""
        if self._pid == _LOST or self._pid != _OPEN and self._pid != getpid():
            return
        if self._claims is None:
            self._claims = []
        self._claims.append((fork, number))
        self._pid = _OPEN

    def _reclaim(self, childless):
        """Take the object from forks that have no child left, so that forks do not add up."""
        for fork, number in list(self._claims or ()):
            if fork not in childless:
                childless[fork] = fork.side == _PARENT and fork.is_childless()
            if childless[fork]:
                if not fork.take(number):
                    if self._pid == _OPEN:  # else a signal handler has taken it meanwhile
                        self._lose()
                    return
                self._drop((fork, number))
        if self._pid == _OPEN and not self._claims:
            self._pid = getpid()


def _identity(descriptor, fstat=os.fstat):
    """Return what identifies an open file, even if its descriptor number is reused."""
    status = fstat(descriptor)
    return status.st_dev, status.st_ino


def _is_still(descriptor, identity, identify=_identity, error=OSError):
    """Return whether a descriptor that we have not closed is the one that we opened (bool)."""
    try:
        return identify(descriptor) == identity
    except error:
        return False


class _Fork(object):
    """
    One fork, as seen from either side.

    Other threads and signal handlers come at any moment. So each descriptor is closed by whoever
    takes it out of `_ends`, which is one step: nobody closes it twice, when its number may already
    be somebody else's. A fork uses its descriptors in `_use` only, in one thread at a time: until
    that is done, the number is not closed, so it is ours. `_is_still` is no part of this. It is for
    programs that close descriptors that are not theirs: a daemon closes all when it begins.

    Attributes:
        side (int): the side of this process: the parent's until it is known.
        order (int): how many forks had begun, this one included.
        is_complete (bool): the child can take all objects that its parent has left open.
    """

    def __init__(self, order):
        self.side = _PARENT
        self.order = order
        self.is_complete = False
        self._open = set()  # the numbers of the objects that are open, and who uses a descriptor
        self._ends = {}     # by side: (descriptor, its identity)
        self._shared = None

    def leave_open(self, objects):
        """
        Make what both sides share, and leave *objects* to the first that takes them.

        Raises:
            EnvironmentError, mmap.error: it cannot be made.
        """
        if objects:
            self._shared = mmap.mmap(-1, 2 * len(objects))
            # 2.7 has no pipe2: a program that another thread starts just now may inherit them.
            self._ends = dict(enumerate([(end, _identity(end)) for end in os.pipe()]))
            for side, (end, identity) in list(self._ends.items()):
                end = above_standard(end)
                self._ends[side] = end, identity
                fcntl.fcntl(end, fcntl.F_SETFD, fcntl.fcntl(end, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)
            first = self._ends[_PARENT][0]
            fcntl.fcntl(first, fcntl.F_SETFL, fcntl.fcntl(first, fcntl.F_GETFL) | os.O_NONBLOCK)
            self._open.update(range(len(objects)))
        for number, one in enumerate(objects):
            one._leave_open(self, number)
        self.is_complete = True

    def happened(self, side):
        """Record that this process is on *side*."""
        self.side = side
        self._close(1 - side)

    def take(self, number):
        """Set our byte for an object; return whether the other side's is still unset (bool)."""
        shared, place = self._shared, 2 * number
        ours, other = place + self.side, place + 1 - self.side
        shared[ours:ours + 1] = b'\1'
        # A processor may read the other byte before others see ours. The ioctl takes the pipe's
        # lock in the kernel, in both processes, so the second one sees the other's byte.
        if self._use(self.side, fcntl.ioctl, FIONREAD, b'size') is None:
            return False  # other code has closed our descriptor: we cannot know
        return shared[other:other + 1] == b'\0'

    def is_childless(self):
        """Return whether the parent has no child left (bool); False on the child's side."""
        try:
            return self._use(_PARENT, os.read, 1) == b''
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EINTR):
                raise
            return False

    def _use(self, side, function, *args):
        """Return *function* of our descriptor for *side*; None if that is closed."""
        user = object()
        self._open.add(user)
        try:
            end = self._ends.get(side)
            return function(end[0], *args) if end is not None and _is_still(*end) else None
        finally:
            self.forget(user)

    def forget(self, user):
        """Take note that an object, or a user, needs us no longer: after the last one, close."""
        self._open.discard(user)
        if not self._open:
            self.close()

    def close(self):
        """Close our descriptors."""
        self._close(_PARENT)
        self._close(_CHILD)

    __del__ = close

    def _close(self, side, is_still=_is_still, close=os.close, error=OSError):
        end = self._ends.pop(side, None)
        try:
            if end is not None and is_still(*end):
                close(end[0])
        except error:  # it held no data, so nothing is lost; and a fork must not fail by it
            pass


# The state of this process

_live = set()     # weak references to all objects
_here = getpid()  # the process that this state belongs to
_changing = {}    # 0: the token of the thread that runs a function that is `_alone`, [its ID]
_pending = {}     # by thread: its forks under way, the innermost last
_begun = 0        # how many forks have begun
_watched = []     # [True] if Python reports forks; otherwise our replacements of os.fork
_listeners = []   # from `call_after_forks`


def call_after_forks(function):
    """
    Call *function* after each fork from now on, in both processes, before the fork returns.

    Call this again for each use: another library may have replaced our os.fork meanwhile.
    """
    if function not in _listeners:
        _listeners.append(function)
    _install_hooks()


def _objects():
    return [found for found in [reference() for reference in _live.copy()] if found is not None]


def _detect_fork(pid):
    """Find out whether this process is the child of a fork that was not reported."""
    global _here
    if pid != _here:
        _changing.clear()
        _pending.clear()
        for one in _objects():
            one._lose()
        _here = pid  # at the end: until then each other thread does the same


def _install_hooks():
    """Watch for forks from now on."""
    if fcntl is None or _watched == [True]:
        return
    if hasattr(os, 'register_at_fork'):
        _watched.append(True)
        os.register_at_fork(before=_before, after_in_parent=_after_in_parent,
                            after_in_child=_after_in_child)
        return
    # Another library may have replaced our function since: gevent does.
    for name in 'fork', 'forkpty':
        function = getattr(os, name, None)
        if function is not None and function not in _watched:
            function = _reporting(function)
            _watched.append(function)
            setattr(os, name, function)


def _reporting(function):
    """
    Wrap os.fork, or its current replacement, so that it reports each fork to us.

    It returns and raises what *function* does: nothing of ours makes it lose the child's ID.
    """
    @functools.wraps(function, ('__name__', '__doc__'), ())
    def fork():
        if get_ident() in _pending:  # a wrapper around ours has reported it already
            return function()
        child = False
        try:
            _before()
            result = function()
            child = result == 0 or isinstance(result, tuple) and result[0] == 0
            return result
        finally:
            _call_after(_after_in_child if child else _after_in_parent)
            _pending.pop(get_ident(), None)  # of a failure; later forks would pass as part of it
    return fork


def _call_after(after):
    """Call *after*. If that fails, let the fork return: in the child all is lost."""
    try:
        after()
    except Exception:
        _report()


def _report():
    """Say what has failed."""
    try:
        sys.stderr.write('Exception ignored in a fork:\n')
        traceback.print_exc()
    except Exception:  # there is nowhere to say it
        pass


def _before():
    _detect_fork(getpid())
    _begin()


@_alone
def _begin():
    global _begun
    _begun += 1
    fork = _Fork(_begun)
    _pending.setdefault(get_ident(), []).append(fork)
    try:
        objects = _objects()
        childless = {}
        for one in objects:
            one._reclaim(childless)
        fork.leave_open(objects)
    except (EnvironmentError, mmap.error):
        pass  # without a pipe and shared memory the child gets nothing
    except Exception:
        _report()


def _after_in_parent():
    _next_pending().happened(_PARENT)
    _tell_listeners()  # a signal handler may have forked within this fork


def _after_in_child():
    global _here
    _changing.clear()
    fork = _next_pending()
    fork.happened(_CHILD)
    for forks in list(_pending.values()):  # of other threads, which do not exist in the child
        for other in forks:
            other.happened(_PARENT)
    _pending.clear()
    if not fork.is_complete or fork.order != _begun:
        # The parent can still take objects that this fork did not leave open: the child loses them.
        for one in _objects():
            if one._pid == _OPEN and all(other is not fork for other, _ in one._claims):
                one._lose()
    _here = getpid()  # after all of that: if it fails, `_detect_fork` finds an unreported fork
    _tell_listeners()


def _tell_listeners():
    for function in _listeners:
        function()


def _next_pending():
    forks = _pending.get(get_ident())
    if not forks:  # an unreported fork within this one
        return _Fork(0)
    fork = forks.pop()
    if not forks:
        del _pending[get_ident()]
    return fork
