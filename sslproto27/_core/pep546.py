"""
`install` and `uninstall`: PEP 546's names put into 2.7's ssl, and taken out again; Python 3.13's
members of contexts too, for who asks.

One library that looks for these names does worse with them than without: Trollius 2.2.1 then lets
its loops do TLS by a protocol of its own, asyncio's of 2015, which takes data that was cut off for
whole. It goes on as without them.
"""
from __future__ import absolute_import, division, print_function

import importlib
import ssl
import sys

from .chosen import MemoryBIO, SSLObject, wrap_bio
from .constants import TLSVersion
from .context.sslcontext import MEMBERS

__all__ = ['install', 'uninstall']

_ADDITIONS = ((ssl, 'MemoryBIO', MemoryBIO), (ssl, 'SSLObject', SSLObject),
              (ssl.SSLContext, 'wrap_bio', wrap_bio))
_MEMBERS = ((ssl, 'TLSVersion', TLSVersion),) + tuple(
    (ssl.SSLContext, name, value) for name, value in sorted(MEMBERS.items()))


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


def install(context_members=False):
    """
    Give ssl what PEP 546 gives it: MemoryBIO, SSLObject and SSLContext.wrap_bio.

    What ssl has already stays as it is; doing it again changes nothing. Trollius' own loops go on
    with the TLS that they have without; ``sslproto27.trollius.install()`` changes that.

    Args:
        context_members (bool): give ssl.SSLContext the other members of Python 3.13's as well,
            with the defaults that 2.7's contexts have: get_ciphers, minimum_version,
            keylog_filename, sni_callback and so on; and ssl the class TLSVersion. Not by default:
            a library that finds one may go a way that it did not go before.
    """
    for owner, name, value in _ADDITIONS + (_MEMBERS if context_members else ()):
        if not hasattr(owner, name):
            setattr(owner, name, value)
    if ssl.MemoryBIO is MemoryBIO:
        _trollius.answer()


def uninstall():
    """Take out of ssl what `install` put there, and nothing else."""
    for owner, name, value in _ADDITIONS + _MEMBERS:
        if vars(owner).get(name) is value:
            delattr(owner, name)
    _trollius.stop()
