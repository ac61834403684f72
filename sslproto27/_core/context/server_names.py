"""Callbacks for the server names that clients send, on 2.7, for both engines."""
from __future__ import absolute_import, division, print_function

from ..chosen import callbacks

__all__ = ['set_any_name_callback', 'set_sni_callback']


def set_sni_callback(context, value):
    """
    Call *value* when a client has said which server it wants (RFC 6066 3).

    If it assigns another context to the TLS object, the connection gets that one's certificate,
    trust and ALPN, but not its verify mode, flags or versions, as in Python 3.13. To change these
    too, use `by_server_name`.

    Args:
        value (callable or None): takes the TLS object, whose ``context`` it may replace, the
            name in A-labels (text, or None if the client sent none) and *context*; returns None, or
            the number of an alert that ends the handshake. The name is passed as it was sent,
            neither decoded nor checked. A name that is not ASCII ends the handshake; with the pair
            engine, so does one that 2.7's ssl cannot decode.

    Raises:
        TypeError: *value* is not callable.
    """
    callbacks.set_server_names(context, value, takes_any=False)


def set_any_name_callback(context, value):
    """Do what `set_sni_callback` does. *value* is also called for the names that end it there."""
    callbacks.set_server_names(context, value, takes_any=True)
