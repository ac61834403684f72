"""Files that the command line names. A FIFO can be read once, and may have nobody at its end."""
from __future__ import absolute_import, division, print_function

import contextlib
import errno
import os
import stat

from .console import UserError
from .folders import temporary_folder

__all__ = ['check_readable', 'content', 'is_fifo', 'open_to_append', 'readable_again']


def is_fifo(path):
    """Return whether *path* is a FIFO, such as a shell's ``<(...)``."""
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


def check_readable(path):
    """Open *path*: if that fails, its error says more than that of the ssl module."""
    if not is_fifo(path):  # its writer would find that the reader has gone
        open(path, 'rb').close()


def content(path):
    """Return the content of a file (bytes)."""
    with open(path, 'rb') as file:
        return file.read()


@contextlib.contextmanager
def readable_again(path, data):
    """
    Give the path of a file that holds what was read from *path*, *data*.

    It is *path* itself if that is a regular file, else a copy for as long as the context lasts. The
    copy is on disk, so *data* must not be a secret.
    """
    if os.path.isfile(path):
        yield path
        return
    with temporary_folder() as folder:
        copy = os.path.join(folder, 'copy')
        with open(copy, 'wb') as file:
            file.write(data)
        yield copy


def open_to_append(name, path, mode):
    """
    Open a file without waiting until somebody reads it, if it is a FIFO.

    Args:
        name (str): the option or variable that names the file.
        mode (int): permissions of a new file.

    Returns:
        int: a descriptor that blocks as usual.

    Raises:
        UserError: it cannot be opened, or it is a FIFO that nobody reads.
    """
    import fcntl  # which Windows lacks
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, mode)
    except OSError as error:
        raise UserError('%s %s: %s', name, path,
                        'it is a FIFO that nobody reads, or a socket'
                        if error.errno == errno.ENXIO else error)
    fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) & ~os.O_NONBLOCK)
    return file
