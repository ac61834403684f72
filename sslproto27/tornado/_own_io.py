"""
Finds out whether a subclass of Tornado's SSLIOStream does its own input or output.

Such a class expects a socket that does TLS, so it cannot run on our streams. We inspect its code,
which is never certain. In doubt the answer is yes: the class then stays as it is.
"""
from __future__ import absolute_import, division, print_function

import types

__all__ = ['own_io']

#: A subclass may extend these methods, but must call the stream's own.
_STEPS = frozenset([
    '_add_io_state', '_do_ssl_handshake', '_handle_connect', '_handle_events', '_handle_read',
    '_handle_write', '_read_to_buffer', 'close_fd', 'connect', 'read_from_fd', 'wait_for_handshake',
    'write_to_fd'])

#: Our streams never call this: they check the name in the handshake.
_UNASKED = '_verify_cert'

#: Methods of a socket that does TLS.
_OF_SOCKET = frozenset(['do_handshake', 'recv', 'recv_into', 'send', 'sendall', 'unwrap'])


def own_io(cls, stock):
    """
    Return why a class needs a socket that does TLS.

    Args:
        cls (type): a subclass of *stock*.
        stock (type): Tornado's SSLIOStream.

    Returns:
        str or None: a clause for the log; None if the class does not need one.
    """
    for one in cls.__mro__:
        if one in stock.__mro__:
            continue
        for name, value in sorted(vars(one).items()):
            names = _names(value)
            if name == _UNASKED or name in _STEPS and name not in names:
                return 'its %s() replaces that of Tornado' % name
            used = names & _OF_SOCKET
            if 'socket' in names and used:
                return 'its %s() calls %s() of the socket' % (name, min(used))
    return None


def _names(value):
    """Return the names that a function, method or property looks up (set of str)."""
    names, seen, todo = set(), [], [value]
    while todo:
        one = todo.pop()
        if any(one is other for other in seen):
            continue
        seen.append(one)
        if isinstance(one, types.FunctionType):
            todo.append(one.__code__)
            todo += [_content(cell) for cell in one.__closure__ or ()]  # decorators
        elif isinstance(one, types.CodeType):
            names.update(one.co_names)
            todo += one.co_consts
        else:
            todo += [getattr(one, name) for name in ('__func__', 'fget', 'fset')
                     if hasattr(one, name)]
    return names


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:  # the cell is still empty
        return None
