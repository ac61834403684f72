"""What the suites of hostile callers share: a life in which a plan says who is called when."""
from __future__ import absolute_import, division, print_function

import random

from tests.support.engines import ENGINE
from tests.support.pipe_pairs import PYPY

__all__ = ['Planned', 'enough_of']


def enough_of(plans):
    """
    Return all of *plans*, or every third by chance, always the same ones.

    What is shown is above the engine: all plans are carried out on CPython 2.7 with the graft.
    """
    plans = list(plans)
    if ENGINE == 'graft' and not PYPY:
        return plans
    return random.Random(len(plans)).sample(plans, (len(plans) + 2) // 3)


class Planned(object):
    """
    Base of a life at whose moments something is called.

    Attributes:
        counts (Counter): how often each moment has come.
        moments (list): all that have come: (where, which time).
        plan (dict): by moment, the names of what `call` is to call then.
    """

    def moment(self, where):
        """Let the caller do its worst, if it is now."""
        self.counts[where] += 1
        key = where, self.counts[where]
        self.moments.append(key)
        for name in self.plan.get(key, ()):
            self.call(name)
