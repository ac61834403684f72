"""
Two ways to a context's settings: `SSLContext`'s attributes, and functions of any ssl.SSLContext.

Nothing here makes a connection.
"""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import SSLContext, context
from tests.support.memory import PY2

__all__ = ['Attributes', 'Functions', 'WAYS', 'needs']


def needs(name):
    """Return a mark that skips where Python 3's own SSLContext has no *name*."""
    return pytest.mark.skipif(not hasattr(SSLContext, name),
                              reason="this Python 3's SSLContext has no %s" % name)


class Attributes(object):
    """The attributes and methods of `SSLContext`: on Python 3 the standard library's own."""

    def new(self, server_side=False):
        """Return a context that verifies nothing."""
        made = SSLContext(context.PROTOCOL_TLS_SERVER if server_side
                          else context.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        return made

    def get(self, made, name):
        """Return a setting."""
        return getattr(made, name)

    def set(self, made, name, value):
        """Set one."""
        setattr(made, name, value)

    def call(self, made, name, *args, **kwargs):
        """Call a method."""
        return getattr(made, name)(*args, **kwargs)


class Functions(Attributes):
    """The functions of `sslproto27.context`, and a context that some library has made."""

    def new(self, server_side=False):
        """Return a context that verifies nothing."""
        if PY2:
            return ssl.SSLContext(ssl.PROTOCOL_SSLv23)
        return Attributes.new(self, server_side)

    def get(self, made, name):
        """Return a setting."""
        return getattr(context, 'get_' + name)(made)

    def set(self, made, name, value):
        """Set one."""
        getattr(context, 'set_' + name)(made, value)

    def call(self, made, name, *args, **kwargs):
        """Call a method."""
        return getattr(context, name)(made, *args, **kwargs)


WAYS = [Attributes(), Functions()]
