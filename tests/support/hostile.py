"""What the suites of hostile callers share: a life in which a plan says who is called when."""
from __future__ import absolute_import, division, print_function

import inspect
import os
import random

from tests.support.engines import ENGINE
from tests.support.memory import PY2
from tests.support.pipe_pairs import PYPY

__all__ = ['ARGUMENTS', 'JUNK', 'Planned', 'arguments', 'enough_of', 'public', 'questions',
           'random_plan']

JUNK = b'HTTP/1.1 400 Bad Request\r\n\r\n'


def enough_of(plans, which='', share=12):
    """
    Return a part of *plans*, by chance, but always the same ones for one text *which*.

    What they show is above the engine: `make test` carries out one of *share*. If
    SSLPROTO27_THOROUGH is set, as in `make test-all`, it is all on CPython 2.7 with the graft,
    elsewhere every third.
    """
    plans = list(plans)
    if os.environ.get('SSLPROTO27_THOROUGH'):
        share = 1 if ENGINE == 'graft' and not PYPY else 3
    return random.Random(which or len(plans)).sample(plans, (len(plans) + share - 1) // share)


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


def public(cls):
    """Return the public names of a class."""
    return [name for name in dir(cls) if not name.startswith('_')]


def arguments(function, given, life):
    """Return arguments for a method, by the names of its parameters."""
    spec = (inspect.getargspec if PY2 else inspect.getfullargspec)(function)
    return [given[name](life) for name in spec.args[1:]]


def random_plan(chance, moments, calls):
    """Return a plan of up to three moments, and up to three calls in each."""
    return {moment: [chance.choice(list(calls)) for _ in range(chance.randint(1, 3))]
            for moment in chance.sample(moments, min(len(moments), chance.randint(1, 3)))}


#: Arguments of what cannot be called without; each public name that is not here takes none.
ARGUMENTS = {
    'SSLObject': {'read': [(), (1,), (100000,), (0,), (10, bytearray(10))],
                  'write': [(b'x',), (b'',)],
                  'get_channel_binding': [('tls-unique',), ('tls-exporter',),
                                          ('tls-server-end-point',)],
                  'getpeercert': [(), (True,)]},
    'MemoryBIO': {'write': [(b'x',)], 'read': [(), (1,)]},
    'SSLPipe': {'feed_ssldata': [(b'no record at all',), (b'\x17',), (b'',)],
                'feed_appdata': [(b'x',)]},
}


def questions(thing, kind):
    """Yield (label, a function that asks *thing*) for each public member and its arguments."""
    for name in sorted(dir(type(thing))):
        if name.startswith('_'):
            continue
        if callable(getattr(type(thing), name)):
            for arguments in ARGUMENTS[kind].get(name, [()]):
                yield ('%s%r' % (name, arguments),
                       lambda thing, name=name, arguments=arguments: getattr(thing, name)(
                           *arguments))
        else:
            yield name, lambda thing, name=name: getattr(thing, name)
