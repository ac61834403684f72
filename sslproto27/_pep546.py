"""`install` and `uninstall`: PEP 546's names put into 2.7's ssl, and taken out again."""
from __future__ import absolute_import, division, print_function

import ssl

from ._memorybio import MemoryBIO
from ._sslobject import SSLObject, wrap_bio

__all__ = ['install', 'uninstall']

_ADDITIONS = ((ssl, 'MemoryBIO', MemoryBIO), (ssl, 'SSLObject', SSLObject),
              (ssl.SSLContext, 'wrap_bio', wrap_bio))


def install():
    """
    Give ssl what PEP 546 gives it: MemoryBIO, SSLObject and SSLContext.wrap_bio.

    What ssl has already stays as it is; doing it again changes nothing.
    """
    for owner, name, value in _ADDITIONS:
        if name not in vars(owner):
            setattr(owner, name, value)


def uninstall():
    """Take out of ssl what `install` put there, and nothing else."""
    for owner, name, value in _ADDITIONS:
        if vars(owner).get(name) is value:
            delattr(owner, name)
