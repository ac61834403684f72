"""Signals that come again and again."""
from __future__ import absolute_import, division, print_function

import signal
import time

import pytest

from tests.support.sockets import PATIENCE

__all__ = ['Alarm', 'Interruption', 'needs_signals']

needs_signals = pytest.mark.skipif(
    not hasattr(signal, 'setitimer'), reason='this system has no setitimer')


class Interruption(Exception):
    """What a signal's handler raises."""


class Alarm(object):
    """
    SIGALRM each *interval* seconds, whose handler counts, and raises `Interruption` if it is to.

    Attributes:
        count (int): how many have come.
    """

    def __init__(self, interval, raises=False):
        self.interval, self.raises, self.count = interval, raises, 0

    def __enter__(self):
        self.before = signal.signal(signal.SIGALRM, self.handle)
        self.start()
        return self

    def start(self):
        """Begin, or go on after `stop`."""
        signal.setitimer(signal.ITIMER_REAL, self.interval, 0 if self.raises else self.interval)

    def stop(self):
        """Let no more come."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def __exit__(self, *exc_info):
        self.stop()
        signal.signal(signal.SIGALRM, self.before)

    def handle(self, number, frame):
        """Count."""
        self.count += 1
        if self.raises:
            raise Interruption

    def wait(self, count):
        """Wait, in another thread, until that many more have come."""
        end, patience = self.count + count, time.time() + PATIENCE
        while self.count < end and time.time() < patience:
            time.sleep(0.001)
