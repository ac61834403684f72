"""What the suites of hostile callers share: a life in which a plan says who is called when."""
from __future__ import absolute_import, division, print_function

__all__ = ['Planned']


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
