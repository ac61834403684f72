"""
`install` and `uninstall`: add PEP 546's names to 2.7's ssl, and remove them again. On request they
add Python 3.13's context members too.

One library that looks for these names works worse with them: Trollius' loops then use its own TLS
protocol, asyncio's of 2015, which accepts truncated data as complete. So we hide the names from it.
"""
from __future__ import absolute_import, division, print_function

import importlib
import ssl
import sys

from .chosen import MemoryBIO, SSLObject
from .constants import TLSVersion
from .context.sslcontext import MEMBERS
from .wrap_bio import wrap_bio

__all__ = ['install', 'uninstall']

_ADDITIONS = ((ssl, 'MemoryBIO', MemoryBIO), (ssl, 'SSLObject', SSLObject),
              (ssl.SSLContext, 'wrap_bio', wrap_bio))
_MEMBERS = ((ssl, 'TLSVersion', TLSVersion),) + tuple(
    (ssl.SSLContext, name, value) for name, value in sorted(MEMBERS.items()))


class _Trollius(object):
    """
    Makes Trollius' loops believe that ssl has no MemoryBIO.

    This is a module finder and loader (PEP 302) that hands over to the usual ones, and is there
    whenever that module is imported or reloaded.
    """

    MODULE, QUESTION = 'trollius.sslproto', '_is_sslproto_available'

    def __init__(self):
        self._original = None

    def answer(self):
        """Start to answer no."""
        if self.MODULE in sys.modules:
            self._put(sys.modules[self.MODULE])
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def stop(self):
        """Let Trollius find out for itself again."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        if self._original is not None:
            setattr(sys.modules[self.MODULE], self.QUESTION, self._original)
            self._original = None

    def find_module(self, name, path=None):
        """Return this object as the loader of Trollius' module; None for any other *name*."""
        return self if name == self.MODULE else None

    def load_module(self, name):
        """Import the module."""
        sys.meta_path.remove(self)
        try:
            if name in sys.modules:
                module = reload(sys.modules[name])  # noqa: F821: of 2.7
            else:
                module = importlib.import_module(name)
        finally:
            sys.meta_path.insert(0, self)
        self._put(module)
        return module

    def _put(self, module):
        if getattr(module, self.QUESTION, _no) is not _no:
            self._original = getattr(module, self.QUESTION)
            setattr(module, self.QUESTION, _no)


def _no():
    return False


_trollius = _Trollius()


def install(context_members=False):
    """
    Add PEP 546's names to ssl: MemoryBIO, SSLObject and SSLContext.wrap_bio.

    Names that ssl already has stay as they are; a second call changes nothing. Trollius' own loops
    keep their TLS as it is without these names; ``sslproto27.trollius.install()`` changes that.

    Args:
        context_members (bool): also add the class TLSVersion to ssl, and to ssl.SSLContext the
            other members of Python 3.13's, with the defaults of 2.7's contexts: get_ciphers,
            minimum_version, keylog_filename, sni_callback and so on. Off by default, because a
            library that finds one of them may behave differently.
    """
    for owner, name, value in _ADDITIONS + (_MEMBERS if context_members else ()):
        if not hasattr(owner, name):
            setattr(owner, name, value)
    if ssl.MemoryBIO is MemoryBIO:
        _trollius.answer()


def uninstall():
    """Remove from ssl what `install` added, and nothing else."""
    for owner, name, value in _ADDITIONS + _MEMBERS:
        if vars(owner).get(name) is value:
            delattr(owner, name)
    _trollius.stop()
