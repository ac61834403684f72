"""
Waits for descriptors of any number: select() cannot wait for those above 1023.

Nothing here reads or writes.
"""
from __future__ import absolute_import, division, print_function

import errno
import math
import select
import sys

__all__ = ['is_ready', 'ready']


def is_ready(fileno, to_send, seconds):
    """Wait up to *seconds* until a descriptor is readable, or writable; return whether it is."""
    return bool(ready((), (fileno,), seconds) if to_send else ready((fileno,), (), seconds))


def ready(to_read, to_write, seconds=None):
    """
    Wait until some descriptors are readable or writable; return the list of these.

    On Python 2 a signal ends the wait, and the list is empty: its handler may have closed them.

    Args:
        to_read, to_write (sequence of int): descriptors, each once.
        seconds (float or None): how long to wait at most; None means without a limit.

    Raises:
        select.error, ValueError: a descriptor is not open.
    """
    try:
        if hasattr(select, 'poll'):
            poll = select.poll()
            for fileno in to_read:
                poll.register(fileno, select.POLLIN)
            for fileno in to_write:
                poll.register(fileno, select.POLLOUT)
            events = poll.poll(None if seconds is None else int(math.ceil(seconds * 1000)))
            if not any(event & select.POLLNVAL for _, event in events):
                return [fileno for fileno, _ in events]
            # One is closed, as select() reports; or it is a device that only select() waits for.
        found = select.select(to_read, to_write, [], seconds)
        return found[0] + found[1]
    except select.error as error:
        # If the signal's handler has raised this, the traceback goes on to its frame.
        if error.args[0] != errno.EINTR or sys.exc_info()[2].tb_next is not None:
            raise
        return []
