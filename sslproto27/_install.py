"""
`install` and `uninstall`: the package's doors to ssl and to the frameworks, opened by name.

The doors themselves are where they belong; nothing is imported before it is asked for.
"""
from __future__ import absolute_import, division, print_function

import importlib

from ._core import api

__all__ = ['FRAMEWORKS', 'install', 'uninstall']

#: By the module of ours that is called like it: what patches a framework, and what takes that back.
FRAMEWORKS = {
    'tornado': ('install', 'uninstall'),
    'trollius': ('install', 'uninstall'),
    'twisted': ('install', 'uninstall'),
    'urllib3': ('inject_into_urllib3', 'extract_from_urllib3'),
}
_DOORS = dict(FRAMEWORKS, sockets=('install', 'uninstall'))

_open = []  # those that install() has opened, in order


def install(context_members=False, sockets=False, tornado=False, trollius=False, twisted=False,
            urllib3=False, suppress_ragged_eofs=False):
    """
    Give ssl what PEP 546 gives it, MemoryBIO, SSLObject and SSLContext.wrap_bio; more if told to.

    What ssl has already stays as it is; doing it again adds what is new, and changes the setting
    of what is named. On Python 3 it does nothing without arguments. Trollius' own loops go on with
    the TLS that they have without PEP 546 unless *trollius* is true.

    Args:
        context_members (bool): give ssl.SSLContext the other members of Python 3.13's as well,
            with the defaults that 2.7's contexts have: get_ciphers, minimum_version,
            keylog_filename, sni_callback and so on; and ssl the class TLSVersion. Not by default:
            a library that finds one may go a way that it did not go before.
        sockets (bool): ``sslproto27.sockets.install()``, 2.7 only: ``ssl.wrap_socket`` and
            ``SSLContext.wrap_socket`` return sockets whose TLS is in memory.
        tornado, trollius, twisted (bool): ``install()`` of ``sslproto27.tornado`` and so on.
        urllib3 (bool): ``sslproto27.urllib3.inject_into_urllib3()``.
        suppress_ragged_eofs (bool): for all connections of what is named that do not say otherwise:
            take an EOF without close_notify for a clean end. An attacker can then cut the data
            short (RFC 8446 6.1).

    Raises:
        ImportError: a framework that is named is not there.
        ValueError: it is of a version that cannot be patched; *suppress_ragged_eofs* without
            anything that it could be for.
        RuntimeError, NotImplementedError: see `sslproto27.sockets.install`.
        In each case, nothing has been opened that was not open before.
    """
    given = dict(sockets=sockets, tornado=tornado, trollius=trollius, twisted=twisted,
                 urllib3=urllib3)
    names = sorted(name for name in given if given[name])
    if suppress_ragged_eofs and not names:
        raise ValueError('suppress_ragged_eofs needs to be told of what: sockets or a framework')
    opened = []
    try:
        for name in names:
            _call(name, 0, suppress_ragged_eofs=suppress_ragged_eofs)
            if name not in _open:
                opened.append(name)
    except BaseException:
        _close(opened)
        raise
    _open.extend(opened)
    api.install(context_members)


def uninstall():
    """Take back all that `install` has done, and nothing else; connections stay as they are."""
    _close(_open)
    api.uninstall()


def _close(names):
    while names:
        _call(names.pop(), 1)


def _call(name, which, **options):
    module = importlib.import_module(__package__ + '.' + name)
    getattr(module, _DOORS[name][which])(**options)
