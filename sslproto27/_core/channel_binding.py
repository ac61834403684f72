"""The kinds of channel binding that there are. Nothing here does TLS."""
from __future__ import absolute_import, division, print_function

import ssl

from .compat import PY2

__all__ = ['require_kind']

if PY2:
    _KINDS = 'tls-exporter', 'tls-server-end-point', 'tls-unique'
else:
    _KINDS = tuple(ssl.CHANNEL_BINDING_TYPES)


def require_kind(cb_type):
    """Raise ValueError unless *cb_type* names a kind of channel binding."""
    if cb_type not in _KINDS:
        raise ValueError('cb_type %r is not implemented; there are %s'
                         % (cb_type, ', '.join(_KINDS)))
