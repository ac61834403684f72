"""
A pair of TCP sockets over the loopback interface, for systems without ``socketpair``: Windows.

Data that enters one end may not reach the other end at once. So `Pair`'s rules take more work here:
we wait for pushed data to arrive, and to take data out, we send a mark behind it and read up to
that mark.
"""
from __future__ import absolute_import, division, print_function

import _socket  # programs replace what is in socket
import errno
import itertools
import os
import re
import socket
import struct

from ..waiting import is_ready
from .pair import FEW, OUR_MODULES, Pair, only_waits

__all__ = ['LoopbackPair']

#: A mark is a secret of this process and a number. The chance that encrypted data contains the
#: secret is 1 in 2 ** 96.
_SECRET_SIZE, _MARK_SIZE = 12, 16

#: A receive buffer that takes any TLS record at once; see `LoopbackPair.push`.
_ROOM = 80000

#: Seconds between two checks whether a nested operation has taken the awaited data.
_AGAIN = 0.02

#: How many other programs may connect to our listening port before we do.
_STRANGERS = 100

OUR_MODULES.update([__name__, is_ready.__module__])


class LoopbackPair(Pair):
    """A `Pair` of TCP sockets."""

    def _connected(self):
        self._secret = os.urandom(_SECRET_SIZE)
        self._numbers_of_marks = itertools.count()
        self._read_back = 0  # how often read_back() was called
        self._under_way = {}  # from the end that is read to its `_Reading`
        listener = _new()
        try:
            listener.bind(('127.0.0.1', 0))
            listener.listen(1)
            outer = _new()
            outer.connect(listener.getsockname())
            inner = _accepted(listener, outer.getsockname())
        finally:
            listener.close()
        for end in (inner, outer):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if end.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < _ROOM:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
            end.setblocking(False)
        return inner, outer

    def push(self, data):
        """
        See `Pair.push`.

        We cannot see what the receiver has no room for. Part of its buffer is taken by the
        system's own records, so we send a quarter of it at once.
        """
        self.check_process()
        taken_back = self._read_back
        room = self.inner.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 4
        sent = self.outer.send(data if len(data) <= room else data[:max(room, 1)])
        while self._read_back == taken_back:  # otherwise a nested operation has taken the data
            self.check_process()
            try:
                if len(self.inner.recv(sent, socket.MSG_PEEK)) == sent:
                    break
            except socket.error as error:
                if not only_waits(error):
                    raise
                _wait_for(self.inner)
        return sent

    def drain(self, pieces, size=FEW):
        """See `Pair.drain`."""
        self._read_to_mark(self.outer, self.inner, pieces, size)

    def read_back(self, pieces):
        """See `Pair.read_back`."""
        self._read_back += 1
        self._read_to_mark(self.inner, self.outer, pieces, FEW)

    def discard(self):
        """See `Pair.discard`."""
        self._under_way.clear()  # these readings will not go on, and their marks may have come
        super(LoopbackPair, self).discard()

    def _read_to_mark(self, end, other, pieces, size):
        """
        Read all that is on its way to *end*.

        A nested operation that reads the same end continues with the same `_Reading`. The one that
        is done first takes the bytes; the other then finds the reading gone.
        """
        self.check_process()
        reading = self._under_way.setdefault(
            end, _Reading(self._secret + struct.pack('>I', next(self._numbers_of_marks))))
        while self._under_way.get(end) is reading:
            self.check_process()
            data = b''.join(reading.chunks)
            if data.endswith(reading.mark):
                if self._under_way.pop(end, None) is reading:
                    # An outer and a nested operation may both have sent the mark: remove all.
                    data = re.sub(b'(?s)' + re.escape(self._secret) + b'....', b'', data)
                    if data:
                        pieces.append(data)
                return
            try:
                reading.send_mark(other)
            except socket.error as error:
                if not only_waits(error):  # otherwise there is something to read first
                    raise
            try:
                reading.chunks.extend(itertools.imap(end.recv, (size + _MARK_SIZE,)))
            except socket.error as error:
                if not only_waits(error):
                    raise
                _wait_for(end)


class _Reading(object):
    """The data received so far on the way to a mark."""

    def __init__(self, mark):
        self.mark = mark
        self.chunks = []
        self._sent = []

    def send_mark(self, end):
        """Send the mark, or the part of it that has not been sent."""
        rest = self.mark[sum(self._sent):]
        if rest:
            self._sent.extend(itertools.imap(end.send, (rest,)))


def _wait_for(end):
    """Wait a little for data at *end*."""
    is_ready(end.fileno(), False, _AGAIN)


def _new():
    """Return a new socket that no program has changed: neither its class nor its timeout."""
    end = _socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    end.settimeout(None)
    return end


def _accepted(listener, address):
    """Accept until we get our own connection: any local program can connect to the port."""
    for _ in range(_STRANGERS):
        connection, peer = listener.accept()
        if peer == address:
            return connection
        connection.close()
    raise socket.error(errno.ECONNABORTED, 'another program connects to our private port')
