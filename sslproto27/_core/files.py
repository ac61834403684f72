"""The files that `BlockingTLS.makefile` returns on Python 2."""
from __future__ import absolute_import, division, print_function

import socket

from .amount import MANY
from .compat import PY2, PYPY
from .unique import Unique

__all__ = ['OwnedFile', 'SocketFile']

if PY2 and PYPY:
    class SocketFile(Unique, socket._fileobject):
        """The interpreter's own file."""

    OwnedFile = SocketFile
elif PY2:
    class OwnedFile(Unique, socket._fileobject):
        """A file that drops its unsent data in a process that does not use the connection."""

        def __del__(self):
            # After a fork, only the process that uses the connection may send that data.
            sock = getattr(self, '_sock', None)  # None if __init__ failed
            if sock is None:
                return
            if not sock._may_end():
                self._wbuf, self._wbuf_len = [], 0
            socket._fileobject.__del__(self)

    class SocketFile(OwnedFile):
        """A file that keeps its socket open while it is open, like those of PyPy and Python 3."""

        def __init__(self, sock, *args, **kwargs):
            socket._fileobject.__init__(self, sock, *args, **kwargs)
            sock._reuse()
            # A subclass with its own recv expects us to call it.
            by_recv = [vars(cls) for cls in type(sock).__mro__ if 'recv' in vars(cls)][0]
            self._receive_whole = by_recv.get('_receive_whole')

        def read(self, size=-1):
            """Read *size* bytes, or to the end; read a large piece in one call."""
            receive = self._receive_whole
            if receive is not None and size >= MANY:
                buffered = self._rbuf
                buffered.seek(0, 2)
                missing = size - buffered.tell()
                if missing > 0:
                    data = receive(self._sock, missing)
                    if missing < size:
                        data = buffered.getvalue() + data
                        self._rbuf = socket.StringIO()
                    return data
            return socket._fileobject.read(self, size)

        def close(self):
            """Close the file, and the socket if that was waiting for the file."""
            sock = self._sock
            if sock is None:
                return
            try:
                socket._fileobject.close(self)
            finally:
                sock._drop()
else:
    SocketFile = OwnedFile = None  # Python 3's own sockets make files in another way
