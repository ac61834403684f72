"""Session ticket keys in a file; machines that share it can resume each other's sessions."""
from __future__ import absolute_import, division, print_function

import binascii
import hashlib
import hmac
import os
import stat

from .console import UserError
from .contexts import load

__all__ = ['bound_to', 'read_keys']

_SIZE = 80  # bytes: see `set_session_ticket_keys`
_NAME = 16  # the first bytes of a key: its name, which is visible in the ticket

#: The most keys: each unknown ticket is compared with all of them, so more are hardly useful.
_MOST = 16


def read_keys(path):
    """
    Return the keys in a file, a list of 80 bytes each: the first encrypts, all decrypt.

    Args:
        path (str): a file with a key on each line, in hex or base64. Empty lines, and lines that
            begin with #, are ignored.

    Raises:
        UserError: the file cannot be read or has the wrong format, or others can read or write it.
    """
    data = load('--ticket-keys', path, _read, path)
    keys = []
    for number, line in enumerate(data.splitlines(), 1):
        line = line.strip()
        if line and not line.startswith(b'#'):
            keys.append(_key(line))
            if keys[-1] is None:
                # Do not print the line: it may be a secret.
                raise UserError('--ticket-keys %s: line %d is not a key of %d bytes, in hex or'
                                ' base64', path, number, _SIZE)
    if not 0 < len(keys) <= _MOST:
        raise UserError('--ticket-keys %s: there are %d keys, not 1 to %d', path, len(keys), _MOST)
    if len(set(key[:_NAME] for key in keys)) < len(keys):
        raise UserError('--ticket-keys %s: two keys have the same first 16 bytes', path)
    return keys


def _read(path):
    with open(path, 'rb') as file:
        status = os.fstat(file.fileno())
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UserError('--ticket-keys %s: others can use it (mode %04o); chmod 600', path,
                            stat.S_IMODE(status.st_mode))
        if status.st_uid not in (0, os.geteuid()):
            raise UserError('--ticket-keys %s: it belongs to another user', path)
        return file.read()


def _key(line):
    """Return the key on a line; None if it is not a key."""
    try:
        key = (binascii.unhexlify if len(line) == 2 * _SIZE else binascii.a2b_base64)(line)
    except (binascii.Error, ValueError, TypeError):  # TypeError: 2.7's unhexlify
        return None
    return key if len(key) == _SIZE else None


def bound_to(keys, data):
    """
    Return new keys, derived from *keys* and *data* (bytes): to compute them, one needs both.

    A ticket vouches for its client. So its keys are bound to the authorities: a machine that trusts
    other authorities cannot decrypt it.
    """
    return [b''.join(_part(key, data, number) for number in (b'1', b'2'))[:_SIZE] for key in keys]


def _part(key, data, number):
    return hmac.new(key, number + hashlib.sha512(data).digest(), hashlib.sha512).digest()
