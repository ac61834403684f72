"""
Saves sessions in files, as ``openssl s_client -sess_out`` does, and loads them.

Resuming a session checks no certificate. So the file also says which server the session belongs to,
and whether that server was verified. A file that others could have written is refused.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import re
import ssl
import stat
import tempfile

from .._core.compat import PY2
from .._core.engine import NAME
from .._core.pair.limits import cannot
from .console import UserError

__all__ = ['load', 'require_place', 'require_sessions', 'save']

_HEADER = '# A TLS session, a secret. Server: %s. Verified: %s.\n'
_HEADER_FORM = br'# A TLS session, a secret\. Server: (\S+)\. Verified: (yes|no)\.\n'

#: Folders of descriptors. Their links lead to open files, which are written to, not replaced.
_DESCRIPTORS = '/dev/fd/', '/proc/'


def require_sessions():
    """Raise `UserError` if this Python cannot save or load sessions."""
    if not PY2:
        raise UserError("--session-out and --session-in need Python 2.7: Python 3's ssl has no way"
                        " to write a session or to read one")


def require_place(path):
    """Raise `UserError` if there is no folder where `save` could write to *path*."""
    try:
        target = _file_to_replace(path)
        if target is not None:
            os.stat(os.path.dirname(target))
    except EnvironmentError as error:
        raise UserError('--session-out %s: %s', path, error)


def save(path, session, server, verified):
    """
    Write *session* to *path*, readable by its owner only (mode 0600); replace an existing file.

    A link leads to the file to replace. A device, a FIFO or a descriptor (/dev/fd/3) is written to.

    Args:
        session (SSLSession or None): the session of a connection. Read the server's data first: in
            TLS 1.3 the ticket comes with it.
        server (str): the name of the server.
        verified (bool): whether its certificate was verified.

    Raises:
        UserError: the server gave no resumable session, or the file cannot be written.
    """
    _see_that_there_are_some()
    from .._core.session import session_to_pem
    if session is None:
        raise UserError('no session: the server sent none')
    try:
        data = session_to_pem(session)
    except ValueError as error:
        raise UserError('%s', error)
    header = (_HEADER % (server, 'yes' if verified else 'no')).encode('ascii')
    try:
        _write(path, header + data)
    except EnvironmentError as error:
        raise UserError('%s: %s', path, error)


def _write(path, data):
    target = _file_to_replace(path)
    if target is None:
        # O_CREAT: then Linux refuses a FIFO that somebody else has put into a folder like /tmp
        # (fs.protected_fifos, proc(5)).
        handle, temporary = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), None
    else:
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(target))
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(data)
        if temporary:
            os.rename(temporary, target)
    except EnvironmentError:
        if temporary:
            os.unlink(temporary)
        raise


def _file_to_replace(path):
    """Return the path of the regular file that *path* leads to; None if it leads elsewhere."""
    try:
        # Not only lstat(): Linux refuses links of somebody else's in a folder like /tmp only to
        # those who follow them (fs.protected_symlinks).
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
    except OSError as error:
        if error.errno != errno.ENOENT or not os.path.basename(path):
            raise
    while True:
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        if path.startswith(_DESCRIPTORS):
            return None
        if not os.path.islink(path):
            return path
        path = os.path.join(os.path.dirname(path), os.readlink(path))


def load(path, context, server, must_be_verified):
    """
    Return the session in *path*.

    Args:
        context (ssl.SSLContext): the context of the connection that will resume it.
        server (str): the name of the server.
        must_be_verified (bool): whether to refuse a session that was not verified for *server*.

    Raises:
        UserError: the file cannot be read, is not a session, or must not be used.
    """
    _see_that_there_are_some()
    from .._core.session import session_from_pem
    try:
        with open(path, 'rb') as file:
            status = os.fstat(file.fileno())
            data = file.read()
    except EnvironmentError as error:
        raise UserError('--session-in %s: %s', path, error)
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in (0, os.geteuid()):
        raise UserError('%s: others can write to it, so it could lead to their server', path)
    found = re.search(_HEADER_FORM, data)
    if must_be_verified and (
            not found or found.groups() != (server.encode('ascii'), b'yes')):
        raise UserError('%s: not a session that was verified for %s; --insecure accepts it anyway',
                        path, server)
    try:
        return session_from_pem(data, context, server)
    except ssl.SSLError as error:
        raise UserError('%s: no session: %s', path, error)


def _see_that_there_are_some():
    if NAME == 'pair':
        raise cannot('session')
