"""The parts of test.support that the tests use."""
from __future__ import absolute_import

import gc

LOOPBACK_TIMEOUT, SHORT_TIMEOUT, LONG_TIMEOUT = 10.0, 30.0, 60.0


class socket_helper(object):  # noqa: N801: a module there
    """The parts of test.support.socket_helper that the tests use."""

    @staticmethod
    def skip_if_tcp_blackhole(test):
        """Return *test*: this system needs no skip."""
        return test


def gc_collect():
    """Collect."""
    for _ in range(3):
        gc.collect()
