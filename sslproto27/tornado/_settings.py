"""Turns Tornado's ``ssl_options`` into a context. Nothing here knows of streams."""
from __future__ import absolute_import, division, print_function

import ssl

from .._core.compat import NativeContext
from ._compat import netutil

__all__ = ['context_of']


def context_of(ssl_options, server_side, server_hostname=None):
    """
    Return an ssl.SSLContext.

    Args:
        ssl_options (ssl.SSLContext, dict or None): a dict has ssl.wrap_socket's keyword arguments;
            None means Tornado's default for that side.
        server_side (bool): whether it is for a server.
        server_hostname (text or None): the name that a client will require.

    Raises:
        TypeError: *ssl_options* is something else.
    """
    if ssl_options is None:
        return netutil._server_ssl_defaults if server_side else netutil._client_ssl_defaults
    if isinstance(ssl_options, NativeContext):
        return ssl_options
    if not isinstance(ssl_options, dict):
        raise TypeError('ssl_options must be an ssl.SSLContext, a dict or None, not %s'
                        % type(ssl_options).__name__)
    context = netutil.ssl_options_to_context(ssl_options)
    # A dict has no key for it, but Tornado's documentation says that the name is checked unless
    # verification is off.
    if not server_side and server_hostname is not None and context.verify_mode != ssl.CERT_NONE:
        context.check_hostname = True
    return context
