"""test.support's, as far as the tests look."""
from __future__ import absolute_import

import gc

LOOPBACK_TIMEOUT, SHORT_TIMEOUT, LONG_TIMEOUT = 10.0, 30.0, 60.0


class socket_helper(object):  # noqa: N801: a module there
    """test.support.socket_helper's."""

    @staticmethod
    def skip_if_tcp_blackhole(test):
        """Return *test*: this is no such system."""
        return test


def gc_collect():
    """Collect."""
    for _ in range(3):
        gc.collect()
