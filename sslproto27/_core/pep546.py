"""
`install` and `uninstall`: PEP 546's names put into 2.7's ssl, and taken out again.

One library that looks for these names does worse with them than without: Trollius 2.2.1 then lets
its loops do TLS by a protocol of its own, asyncio's of 2015, which takes data that was cut off for
whole. It goes on as without them.
"""
from __future__ import absolute_import, division, print_function

import importlib
import ssl
import sys

from .chosen import MemoryBIO, SSLObject, wrap_bio

__all__ = ['install', 'uninstall']

_ADDITIONS = ((ssl, 'MemoryBIO', MemoryBIO), (ssl, 'SSLObject', SSLObject),
              (ssl.SSLContext, 'wrap_bio', wrap_bio))


class _Trollius(object):
    """
    The question of Trollius' loops whether ssl has MemoryBIO, answered with no.

    Until Trollius is imported this is a finder and a loader of modules (PEP 302); it then gives way
    to the usual ones.
    """

    MODULE, QUESTION = 'trollius.sslproto', '_is_sslproto_available'

    def __init__(self):
        self._original = None

    def answer(self):
        """Answer from now on."""
        if self.MODULE in sys.modules:
            self._put(sys.modules[self.MODULE])
        elif self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def stop(self):
        """Let Trollius find out for itself again."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        if self._original is not None:
            setattr(sys.modules[self.MODULE], self.QUESTION, self._original)
            self._original = None

    def find_module(self, name, path=None):
        """Return what imports the module *name*, or None: somebody else does."""
        return self if name == self.MODULE else None

    def load_module(self, name):
        """Import the module."""
        sys.meta_path.remove(self)
        module = importlib.import_module(name)
        self._put(module)
        return module

    def _put(self, module):
        if self._original is None and hasattr(module, self.QUESTION):
            self._original = getattr(module, self.QUESTION)
            setattr(module, self.QUESTION, _no)


def _no():
    return False


_trollius = _Trollius()


def install():
    """
    Give ssl what PEP 546 gives it: MemoryBIO, SSLObject and SSLContext.wrap_bio.

    What ssl has already stays as it is; doing it again changes nothing. Trollius' own loops go on
    with the TLS that they have without; ``sslproto27.trollius.install()`` changes that.
    """
    for owner, name, value in _ADDITIONS:
        if name not in vars(owner):
            setattr(owner, name, value)
    if ssl.MemoryBIO is MemoryBIO:
        _trollius.answer()


def uninstall():
    """Take out of ssl what `install` put there, and nothing else."""
    for owner, name, value in _ADDITIONS:
        if vars(owner).get(name) is value:
            delattr(owner, name)
    _trollius.stop()
