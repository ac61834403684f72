"""Makes contexts from the command line's options: certificate files and protocols."""
from __future__ import absolute_import, division, print_function

import os
import re
import ssl

from .._core.api import SSLContext, create_default_context
from .._core.engine import NAME
from .console import UserError
from .files import check_readable, content, is_fifo, open_to_append

__all__ = ['load', 'load_certificate', 'new_context', 'offer', 'server_context', 'trusting']


_CERTIFICATE = re.compile(br'-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----')
_KEY = re.compile(br'-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----')


def load(option, path, load, *args, **kwargs):
    """Return ``load(*args, **kwargs)``; if *path* is unusable, a `UserError` names the *option*."""
    try:
        check_readable(path)
        return load(*args, **kwargs)
    except ssl.SSLError as error:
        raise UserError('%s %s: %s', option, path, error)
    except EnvironmentError as error:
        raise UserError('%s %s: %s', option, path, error)


def new_context(purpose=ssl.Purpose.SERVER_AUTH, option=None, cafile=None, trusted=None):
    """
    Return a new context with the library's defaults for 2.7, on all Pythons.

    Args:
        purpose (ssl.Purpose): SERVER_AUTH for clients, CLIENT_AUTH for servers.
        cafile (str or None): a file of authorities to trust, instead of the system's.
        option (str): the option that names *cafile*.
        trusted (dict or None): what `trusting` has returned for *cafile*.

    Raises:
        UserError: *cafile*, or the file that SSLKEYLOGFILE names, cannot be used.
    """
    def make():
        try:
            return create_default_context(purpose, **trusted or {'cafile': cafile})
        except EnvironmentError as error:
            name = os.environ.get('SSLKEYLOGFILE')
            if name is None or error.filename != name:
                raise
            raise UserError('SSLKEYLOGFILE %s: %s', name, error)

    _check_key_log()
    context = make() if cafile is None else load(option, cafile, make)
    context.hostname_checks_common_name = False  # Python 3's own default is True
    return context


def _check_key_log():
    """Raise `UserError` if opening the file for secrets would wait: it is a FIFO nobody reads."""
    name = os.environ.get('SSLKEYLOGFILE')
    if name and is_fifo(name) and NAME != 'pair' and hasattr(SSLContext, 'keylog_filename'):
        os.close(open_to_append('SSLKEYLOGFILE', name, 0o600))


def trusting(option, path):
    """
    Return arguments of load_verify_locations for a file that several contexts read.

    A FIFO is read here, once.

    Args:
        path (str or None): the file of authorities; if it is None, None is returned.
        option (str): the option that names it.

    Raises:
        UserError: the file cannot be used.
    """
    if path is None:
        return None
    if not is_fifo(path):
        return {'cafile': path}
    data = load(option, path, content, path)
    if not _CERTIFICATE.search(data):
        raise UserError('%s %s: there is no certificate in PEM', option, path)
    return {'cadata': data}


class _NeedsPassword(Exception):
    """A private key is encrypted."""


def _no_password():
    raise _NeedsPassword


def load_certificate(context, path, key=None, option='--cert', key_option='--key'):
    """
    Load a certificate chain and its private key.

    Args:
        path (str): a file with the chain, and with the key unless *key* is given.
        option, key_option (str): the options that name the files; *key_option* may be None.

    Raises:
        UserError: a file cannot be used; the text says why.
    """
    if key is not None:
        load(key_option, key, check_readable, key)
    load(option, path, check_readable, path)
    try:
        context.load_cert_chain(path, key, _no_password)
    except (_NeedsPassword, SystemError):  # Python 3.7's ssl raises SystemError instead
        raise UserError('%s: the private key is encrypted; `openssl pkey -in %s` decrypts it',
                        *[path if key is None else key] * 2)
    except EnvironmentError as error:  # SSLError is one
        option, path, lack = _why_unusable(error, path, key, option, key_option)
        raise UserError('%s %s: %s', option, path, lack)


def _why_unusable(error, path, key, option, key_option):
    """Return (option, path, reason) for the file that cannot be used."""
    if not _has(path, _CERTIFICATE):
        return option, path, 'there is no certificate in PEM'
    if key is not None and not _has(key, _KEY):
        return key_option, key, 'there is no private key in PEM'
    if key is None and not _has(path, _KEY):
        return option, path, 'there is no private key in PEM' + (
            '; %s names the file that has it' % key_option if key_option else '')
    if getattr(error, 'reason', None) == 'KEY_VALUES_MISMATCH':
        return option, path, 'the private key does not belong to the certificate'
    return option, path, error


def _has(path, form):
    return form.search(content(path)) is not None


def offer(context, names):
    """Make *context* offer or accept the ALPN protocols *names* (RFC 7301)."""
    if names:
        if not hasattr(context, 'set_alpn_protocols'):
            raise UserError('--alpn: this ssl module has no ALPN; Python 2.7.10 has')
        try:
            context.set_alpn_protocols(names)
        except (ssl.SSLError, NotImplementedError) as error:
            raise UserError('--alpn: %s', error)


def server_context(certificate, key=None, client_ca=None, alpn=None, key_option='--key',
                   trusted=None):
    """
    Return a server's context.

    Args:
        certificate (str): a file with the chain, and with the key unless *key* is given.
        key_option (str or None): the option that names *key*, if there is one.
        client_ca (str or None): a file of authorities; clients need a certificate from one of them.
        alpn (list of str or None): the protocols to accept.
        trusted (dict or None): what `trusting` has returned for *client_ca*.

    Raises:
        UserError: a file cannot be used.
    """
    context = new_context(ssl.Purpose.CLIENT_AUTH)
    load_certificate(context, certificate, key, key_option=key_option)
    if client_ca is not None:
        load('--client-ca', client_ca, context.load_verify_locations,
             **trusted or {'cafile': client_ca})
        context.verify_mode = ssl.CERT_REQUIRED
    offer(context, alpn)
    return context
