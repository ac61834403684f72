"""Files of blocking TLS."""
from __future__ import absolute_import, division, print_function

import contextlib
import errno
import platform
import socket
import ssl

import pytest

from sslproto27 import SSLSocket
from tests.support.memory import PY2, raised
from tests.support.pipe_pairs import pattern
from tests.support.remote_pipes import in_parallel
from tests.support.sockets import PATIENCE, read_exactly

only_files = pytest.mark.skipif(
    not PY2 or platform.python_implementation() == 'PyPy',
    reason="these files are the interpreter's own: what they do after an error is theirs")


class TestFiles(object):
    """makefile, which httplib and the others read from."""

    def test_lines(self, tls):
        """A file reads lines, and exact numbers of bytes."""
        ours, theirs = tls
        theirs.sendall(b'one\ntwo\n' + pattern(50000))
        file = ours.makefile('rb')
        assert (b'one\n', b'two\n', pattern(50000)) == (
            file.readline(), file.readline(), file.read(50000))
        file.close()

    @only_files
    def test_no_end_behind_a_piece(self, tls):
        """Where the peer goes without close_notify the file has what came, and then the error."""
        ours, theirs = tls
        theirs.sendall(b'line\n' + pattern(40000))
        theirs._sock.shutdown(socket.SHUT_RDWR)
        file = ours.makefile('rb')
        assert b'line\n' == file.readline()
        with pytest.raises(ssl.SSLEOFError):
            data = file.read(100000)
            assert pattern(40000) == data
            file.read(100000)

    @only_files
    def test_timeout_in_a_piece(self, tls):
        """A timeout in the middle of a large read loses nothing: the next read has all of it."""
        ours, theirs = tls
        theirs.sendall(b'line\n' + pattern(40000))
        file = ours.makefile('rb')
        assert b'line\n' == file.readline()
        ours.settimeout(0.01)
        with pytest.raises(socket.timeout):
            file.read(60000)
        ours.settimeout(PATIENCE)
        theirs.sendall(pattern(20000))
        assert pattern(40000) + pattern(20000) == file.read(60000)
        file.close()

    def test_recv_of_a_subclass(self, ends, client_context, server_context):
        """Who has a recv of his own sees what files read."""
        seen = []

        class Socket(SSLSocket):
            def recv(self, *args):
                seen.append(super(Socket, self).recv(*args))
                return seen[-1]

            def recv_into(self, buffer, *args):
                count = super(Socket, self).recv_into(buffer, *args)
                seen.append(bytes(buffer[:count]))
                return count
        ours, theirs = in_parallel(
            lambda: Socket(ends[0], client_context, server_hostname='localhost'),
            lambda: server_context.wrap_socket(ends[1], server_side=True))
        theirs.sendall(pattern(50000))
        with contextlib.closing(ours.makefile('rb')) as file:
            assert pattern(50000) == file.read(50000)
        assert pattern(50000) in (b''.join(seen), b''.join(seen[::2]))
        ours.close()
        theirs.close()

    def test_unbuffered(self, tls):
        """An unbuffered file leaves to the socket what it was not asked for."""
        ours, theirs = tls
        theirs.sendall(b'one\ntwo\n')
        with contextlib.closing(ours.makefile('rb', 0)) as file:
            assert b'one\n' == file.readline()
        assert b'two\n' == ours.recv(100)

    def test_write(self, tls):
        """A file writes when it is flushed."""
        ours, theirs = tls
        with contextlib.closing(ours.makefile('wb')) as file:
            file.write(b'abc')
            file.flush()
        assert b'abc' == read_exactly(theirs, 3)

    def test_outlives_the_socket(self, tls):
        """A file can be read after its socket's close; the file's own close then counts."""
        ours, theirs = tls
        first, second = ours.makefile('rb', 0), ours.makefile('rb', 0)
        ours.close()
        ours.close()
        theirs.sendall(b'ab')
        assert b'a' == first.read(1)
        first.close()
        first.close()
        assert b'b' == second.read(1)
        lower = ours._lower
        assert 0 <= lower.fileno()
        second.close()
        assert lower is not ours._lower
        assert (b'', errno.EBADF) == (theirs.recv(1), raised(ours.recv, 1).errno)

    def test_socket_outlives_the_file(self, tls):
        """A file's close leaves its socket open."""
        ours, theirs = tls
        ours.makefile('rb').close()
        ours.sendall(b'x')
        assert b'x' == theirs.recv(1)

    @pytest.mark.skipif(PY2, reason="Python 2's files are of bytes")
    def test_text(self, tls):
        """On Python 3 files can be of text."""
        ours, theirs = tls
        with ours.makefile('rw', encoding='utf-8', newline='\n') as file:
            theirs.sendall(b'\xc3\xa4\n')
            assert u'\xe4\n' == file.readline()
