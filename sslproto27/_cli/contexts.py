"""Contexts of what the command line names: files of certificates, versions, protocols."""
from __future__ import absolute_import, division, print_function

import ssl

from .._core import create_default_context
from .console import UserError

__all__ = ['load', 'offer', 'server_context']


def load(option, path, load, *args, **kwargs):
    """Return ``load(*args, **kwargs)``; `UserError` names the *option* if *path* cannot be used."""
    try:
        if path:
            open(path, 'rb').close()  # its error says more than that of the ssl module
        return load(*args, **kwargs)
    except ssl.SSLError as error:
        raise UserError('%s %s: %s', option, path, error)
    except EnvironmentError as error:
        raise UserError('%s %s: %s', option, path, error)


def offer(context, names):
    """Let *context* offer, or accept, the protocols *names* (RFC 7301)."""
    if names:
        try:
            context.set_alpn_protocols(names)
        except (ssl.SSLError, ValueError) as error:
            raise UserError('--alpn: %s', error)


def server_context(certificate, key=None, client_ca=None, alpn=None):
    """
    Return a server's context.

    Args:
        certificate (str): a file with the chain, and the key unless *key* is another one.
        client_ca (str or None): a file of authorities; clients alone that they vouch for get in.
        alpn (list of str or None): protocols.

    Raises:
        UserError: a file cannot be used.
    """
    context = create_default_context(ssl.Purpose.CLIENT_AUTH)
    load('--cert', certificate, context.load_cert_chain, certificate, key)
    if client_ca:
        load('--client-ca', client_ca, context.load_verify_locations, client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    offer(context, alpn)
    return context
