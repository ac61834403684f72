"""
Sessions in files, as ``openssl s_client -sess_out`` writes them, and who they are of.

Resuming a session checks no certificate. So the file says which server the session is of and
whether that was verified, and a file that others could have written is refused.
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
    """Raise `UserError` where this Python cannot write or read sessions."""
    if not PY2:
        raise UserError("--session-out and --session-in need Python 2.7: Python 3's ssl has no way"
                        " to write a session or to read one")


def save(path, session, server, verified):
    """
    Write *session* to *path*, for its owner alone (mode 0600), in place of what was there.

    Args:
        session (SSLSession or None): of a connection in which the server's data has been read: in
            TLS 1.3 the ticket comes with it.
        server (str): which server it is of.
        verified (bool): whether its certificate was.

    Raises:
        UserError: the server gave nothing to resume, or the file cannot be written.
    """
    _see_that_there_are_some()
    from .._core.session import session_to_pem
    if session is None:
        raise UserError('no session: the server gave none')
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
        context (ssl.SSLContext): of the connection that is to resume it.
        server (str): which server that is to.
        must_be_verified (bool): whether only one will do that was verified for *server*.

    Raises:
        UserError: it cannot be read, is none, or must not be used.
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
        raise UserError('%s: others can write it, and could be whom it leads to', path)
    found = re.search(_HEADER_FORM, data)
    if must_be_verified and (
            not found or found.groups() != (server.encode('ascii'), b'yes')):
        raise UserError('%s: not a session that was verified for %s; --insecure takes it all the'
                        ' same', path, server)
    try:
        return session_from_pem(data, context, server)
    except ssl.SSLError as error:
        raise UserError('%s: no session: %s', path, error)


def _see_that_there_are_some():
    if NAME == 'pair':
        raise cannot('session')
