"""
`install` and `uninstall`: patch ssl, and the frameworks that the caller names.

Each framework's module does its own patching; it is imported only when it is named.
"""
from __future__ import absolute_import, division, print_function

import importlib

from ._core import api

__all__ = ['FRAMEWORKS', 'install', 'uninstall']

#: For each framework, the functions that patch it and undo that, in our module of the same name.
FRAMEWORKS = {
    'tornado': ('install', 'uninstall'),
    'trollius': ('install', 'uninstall'),
    'twisted': ('install', 'uninstall'),
    'urllib3': ('inject_into_urllib3', 'extract_from_urllib3'),
}
_DOORS = dict(FRAMEWORKS, sockets=('install', 'uninstall'))

_open = []  # the names that install() has patched, in order


def install(context_members=False, sockets=False, tornado=False, trollius=False, twisted=False,
            urllib3=False, suppress_ragged_eofs=False):
    """
    Add PEP 546 to ssl: MemoryBIO, SSLObject and SSLContext.wrap_bio. With arguments, patch more.

    Members that ssl already has stay unchanged. A further call adds to the earlier ones, and
    changes *suppress_ragged_eofs* for the names it is given. On Python 3, a call without arguments
    does nothing. Unless *trollius* is true, Trollius' own loops keep their TLS, which does not use
    PEP 546.

    Args:
        context_members (bool): also give ssl.SSLContext the other members of Python 3.13's:
            get_ciphers, minimum_version, keylog_filename, sni_callback and so on, with the defaults
            of 2.7's contexts; and give ssl the class TLSVersion. This is not the default, because
            some libraries behave differently once they find one of these.
        sockets (bool): ``sslproto27.sockets.install()``, 2.7 only: ``ssl.wrap_socket`` and
            ``SSLContext.wrap_socket`` return sockets whose TLS is in memory.
        tornado, trollius, twisted (bool): ``install()`` of ``sslproto27.tornado`` and so on.
        urllib3 (bool): ``sslproto27.urllib3.inject_into_urllib3()``.
        suppress_ragged_eofs (bool): the default for connections of *sockets* and the frameworks
            named: treat an EOF without close_notify as a clean end. An attacker can then cut the
            data short (RFC 8446 6.1).

    Raises:
        ImportError: a named framework is not installed.
        ValueError: a framework's version is not supported, or *suppress_ragged_eofs* comes without
            *sockets* or a framework.
        RuntimeError, NotImplementedError: see `sslproto27.sockets.install`.
        In each case, this call has patched nothing new.
    """
    given = dict(sockets=sockets, tornado=tornado, trollius=trollius, twisted=twisted,
                 urllib3=urllib3)
    names = sorted(name for name in given if given[name])
    if suppress_ragged_eofs and not names:
        raise ValueError('suppress_ragged_eofs needs sockets=True or a framework to apply to')
    opened = []
    try:
        for name in names:
            is_open = _call(name, '_is_installed')  # by us, or by the program itself
            _call(name, _DOORS[name][0], suppress_ragged_eofs=suppress_ragged_eofs)
            if not is_open:
                opened.append(name)
    except BaseException:
        _close(opened)
        raise
    _open.extend(opened)
    api.install(context_members)


def uninstall():
    """Undo all that `install` has done, and nothing else; existing connections stay as they are."""
    _close(_open)
    api.uninstall()


def _close(names):
    while names:
        name = names.pop()
        _call(name, _DOORS[name][1])


def _call(name, function, **options):
    module = importlib.import_module(__package__ + '.' + name)
    return getattr(module, function)(**options)
