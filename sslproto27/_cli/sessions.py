"""
Saves sessions in files, as ``openssl s_client -sess_out`` does, and loads them.

Resuming a session checks no certificate. So the file also says which server the session belongs to,
and whether that server was verified. A file that others could have written is refused.
"""
from __future__ import absolute_import, division, print_function

import os
import re
import ssl
import stat
import tempfile

from .._core.compat import PY2
from .._core.engine import NAME
from .._core.pair.limits import cannot
from .console import UserError

__all__ = ['load', 'require_sessions', 'save']

_HEADER = '# A TLS session, a secret. Server: %s. Verified: %s.\n'
_HEADER_FORM = br'# A TLS session, a secret\. Server: (\S+)\. Verified: (yes|no)\.\n'


def require_sessions():
    """Raise `UserError` if this Python cannot save or load sessions."""
    if not PY2:
        raise UserError("--session-out and --session-in need Python 2.7: Python 3's ssl has no way"
                        " to write a session or to read one")


def save(path, session, server, verified):
    """
    Write *session* to *path*, readable by its owner only (mode 0600); replace an existing file.

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
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)))
        try:
            with os.fdopen(handle, 'wb') as file:
                file.write(header + data)
            os.rename(temporary, path)
        except EnvironmentError:
            os.unlink(temporary)
            raise
    except EnvironmentError as error:
        raise UserError('%s: %s', path, error)


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
        raise UserError('%s: %s', path, error)
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
