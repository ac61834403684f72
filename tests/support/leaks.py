"""What this process holds: memory and descriptors, on Linux."""
from __future__ import absolute_import, division, print_function

import ctypes
import gc
import os

__all__ = ['descriptors', 'growth', 'in_use']


class MallInfo(ctypes.Structure):
    """What mallinfo2(3) returns: numbers of bytes, and of blocks."""

    _fields_ = [(name, ctypes.c_size_t) for name in (
        'arena', 'ordblks', 'smblks', 'hblks', 'hblkhd', 'usmblks', 'fsmblks', 'uordblks',
        'fordblks', 'keepcost')]


MALLINFO = getattr(ctypes.CDLL(None), 'mallinfo2', None)
if MALLINFO is not None:
    MALLINFO.restype = MallInfo


def in_use():
    """
    Return two numbers of bytes: what the process has in memory, and what malloc has handed out
    (glibc 2.33).
    """
    gc.collect()
    gc.collect()
    with open('/proc/self/statm') as file:
        resident = int(file.read().split()[1]) * os.sysconf('SC_PAGESIZE')
    if MALLINFO is None:
        return resident, 0
    info = MALLINFO()
    return resident, info.uordblks + info.hblkhd


def descriptors():
    """Return how many descriptors are open."""
    return len(os.listdir('/proc/self/fd'))


def growth(work, count):
    """
    Do *work* five hundred times to warm up, then *count* times.

    Returns:
        tuple: bytes of memory grown each time, bytes of malloc's grown each time, descriptors
        gained. Either growth is the median of many readings: a leak shows in all of them, a cache
        that fills in some.
    """
    chunks = max(3, min(20, count // 50))
    size = count // chunks
    for _ in range(500):
        work()
    before, readings = descriptors(), [in_use()]
    for _ in range(chunks):
        for _ in range(size):
            work()
        readings.append(in_use())
    grown = []
    for series in zip(*readings):
        differences = sorted(after - earlier for earlier, after in zip(series, series[1:]))
        grown.append(differences[chunks // 2] / size)
    return grown[0], grown[1], descriptors() - before
