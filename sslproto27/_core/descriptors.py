"""
Keeps our own descriptors off the numbers of the standard streams.

If a program has closed a standard stream, the next descriptor that is opened gets its number, and
with it all that the program prints.
"""
from __future__ import absolute_import, division, print_function

import os

__all__ = ['STANDARD', 'above_standard', 'move']

STANDARD = 0, 1, 2


def move(one, numbers, fileno, copy, close):
    """
    Return *one*, or a copy of it whose descriptor is not one of *numbers*.

    If there is a copy, or if that fails, *one* is closed.

    Args:
        fileno, copy, close (callable): what to do with one.
    """
    passed = []  # still open, so that the next copy gets another number
    try:
        while fileno(one) in numbers:
            passed.append(one)
            one = copy(one)
    finally:
        for former in passed:
            close(former)
    return one


def above_standard(descriptor):
    """Return *descriptor*, or a copy above those of the standard streams."""
    return move(descriptor, STANDARD, int, os.dup, os.close)
