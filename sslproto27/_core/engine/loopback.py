"""
A pair of TCP sockets over the loopback interface, for systems without ``socketpair``: Windows.

What goes into one end need not be at the other at once, so that `Pair`'s rules take more here: what
is pushed is waited for, and what is taken out is read up to a mark that is sent behind it.
"""
from __future__ import absolute_import, division, print_function

import errno
import itertools
import os
import re
import select
import socket
import struct

from .pair import FEW, Pair

__all__ = ['LoopbackPair']

#: A secret of this process and a number: what is encrypted contains it by chance alone, of 1 in
#: 2 ** 96.
_SECRET_SIZE, _MARK_SIZE = 12, 16

#: Seconds after which to see whether what is waited for has been taken by somebody else.
_AGAIN = 0.02

#: How many strangers may have come first to the port that we listen at.
_STRANGERS = 100

_WAITS = frozenset([errno.EAGAIN, errno.EWOULDBLOCK])


class LoopbackPair(Pair):
    """As `Pair`, of TCP sockets."""

    def _connected(self):
        self._secret = os.urandom(_SECRET_SIZE)
        self._numbers_of_marks = itertools.count()
        self._taken_back = 0  # how often
        self._under_way = {}  # by which end is read: its `_Reading`
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.bind(('127.0.0.1', 0))
            listener.listen(1)
            outer = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            outer.connect(listener.getsockname())
            inner = _accepted(listener, outer.getsockname())
        finally:
            listener.close()
        for end in (inner, outer):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.setblocking(False)
        return inner._sock, outer._sock

    def push(self, data):
        """See `Pair.push`."""
        taken_back = self._taken_back
        sent = self.outer.send(data)
        while self._taken_back == taken_back:  # else a nested operation has it
            try:
                if len(self.inner.recv(sent, socket.MSG_PEEK)) == sent:
                    break
            except socket.error as error:
                _unless_it_waits(error)
                select.select([self.inner], [], [], _AGAIN)
        return sent

    def drain(self, pieces, size=FEW):
        """See `Pair.drain`."""
        self._read_to_mark(self.outer, self.inner, pieces, size)

    def take_back(self, pieces):
        """See `Pair.take_back`."""
        self._taken_back += 1
        self._read_to_mark(self.inner, self.outer, pieces, FEW)

    def discard(self):
        """See `Pair.discard`."""
        self._under_way.clear()  # nobody goes on with it; and its mark may have come already
        super(LoopbackPair, self).discard()

    def _read_to_mark(self, end, other, pieces, size):
        """
        Read all that is on its way to *end*.

        A nested operation that wants the same goes on with the very `_Reading`; who is done first
        has taken the bytes, and the other one finds it gone.
        """
        reading = self._under_way.setdefault(
            end, _Reading(self._secret + struct.pack('>I', next(self._numbers_of_marks))))
        while self._under_way.get(end) is reading:
            data = b''.join(reading.chunks)
            if data.endswith(reading.mark):
                if self._under_way.pop(end, None) is reading:
                    # There may be a mark that both an outer and a nested operation have sent.
                    data = re.sub(b'(?s)' + re.escape(self._secret) + b'....', b'', data)
                    if data:
                        pieces.append(data)
                return
            try:
                reading.send_mark(other)
            except socket.error as error:
                _unless_it_waits(error)  # there is something to read first
            try:
                reading.chunks.extend(itertools.imap(end.recv, (size + _MARK_SIZE,)))
            except socket.error as error:
                _unless_it_waits(error)
                select.select([end], [], [], _AGAIN)


class _Reading(object):
    """What has come of what is on its way up to a mark."""

    def __init__(self, mark):
        self.mark = mark
        self.chunks = []
        self._sent = []

    def send_mark(self, end):
        """Send the mark, or what of it has not been sent."""
        rest = self.mark[sum(self._sent):]
        if rest:
            self._sent.extend(itertools.imap(end.send, (rest,)))


def _unless_it_waits(error):
    if error.errno not in _WAITS:
        raise error


def _accepted(listener, address):
    """Accept until it is our own connection: any program here can connect to the port."""
    for _ in range(_STRANGERS):
        connection, peer = listener.accept()
        if peer == address:
            return connection
        connection.close()
    raise socket.error(errno.ECONNABORTED, 'others connect to a port that is ours alone')
