"""Makes contexts from the command line's options: certificate files and protocols."""
from __future__ import absolute_import, division, print_function

import os
import re
import ssl

from .._core.api import SSLContext, create_default_context
from .._core.engine import NAME
from .console import UserError
from .files import check_readable, content, is_fifo, open_to_append, readable_again

__all__ = ['authorities', 'load', 'load_certificate', 'new_context', 'offer', 'server_context']


_CERTIFICATE = re.compile(br'-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----')
_KEY = re.compile(br'-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----')


def load(option, path, load, *args, **kwargs):
    """Return ``load(*args, **kwargs)``; if that fails, a `UserError` names *option* and *path*."""
    try:
        return load(*args, **kwargs)
    except UserError:
        raise
    except Exception as error:  # a file's content can make a library fail in any way
        raise UserError('%s %s: %s', option, path, error)


def authorities(option, path):
    """Return the `Authorities` of an option's file, None without one."""
    return None if path is None else Authorities(option, path)


class Authorities(object):
    """
    A file of authorities, for any number of contexts to trust. It may be a FIFO.

    Args:
        option (str): the option that names the file.
        path (str): the file.

    Attributes:
        content (bytes): what is in the file.

    Raises:
        UserError: the file cannot be read.
    """

    def __init__(self, option, path):
        self._option = option
        self._path = path
        self.content = load(option, path, content, path)

    def load(self, by):
        """
        Return the result of *by*, a function that has OpenSSL load the path that it gets.

        Raises:
            UserError: the content cannot be used.
        """
        return load(self._option, self._path, self._load, by)

    def _load(self, by):
        with readable_again(self._path, self.content) as path:
            try:
                return by(path)
            except ssl.SSLError:
                if _CERTIFICATE.search(self.content):
                    raise
                raise UserError('%s %s: there is no certificate in PEM', self._option, self._path)


def new_context(purpose=ssl.Purpose.SERVER_AUTH, trusted=None):
    """
    Return a new context with the library's defaults for 2.7, on all Pythons.

    Args:
        purpose (ssl.Purpose): SERVER_AUTH for clients, CLIENT_AUTH for servers.
        trusted (Authorities or None): whom to trust, instead of the system's authorities.

    Raises:
        UserError: *trusted*, or the file that SSLKEYLOGFILE names, cannot be used.
    """
    def make(cafile=None):
        try:
            return create_default_context(purpose, cafile=cafile)
        except EnvironmentError as error:
            name = os.environ.get('SSLKEYLOGFILE')
            if name is None or error.filename != name:
                raise
            raise UserError('SSLKEYLOGFILE %s: %s', name, error)

    _check_key_log()
    context = make() if trusted is None else trusted.load(make)
    context.hostname_checks_common_name = False  # Python 3's own default is True
    return context


def _check_key_log():
    """Raise `UserError` if opening the file for secrets would wait: it is a FIFO nobody reads."""
    name = os.environ.get('SSLKEYLOGFILE')
    if name and is_fifo(name) and NAME != 'pair' and hasattr(SSLContext, 'keylog_filename'):
        os.close(open_to_append('SSLKEYLOGFILE', name, 0o600))


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
    elif is_fifo(path):
        raise UserError('%s %s: it is a FIFO, which cannot be read twice, for certificate and key;'
                        ' pass a file' + (', or another FIFO by %s' if key_option else '%s'),
                        option, path, key_option or '')
    load(option, path, check_readable, path)
    try:
        context.load_cert_chain(path, key, _no_password)
    except (_NeedsPassword, SystemError):  # Python 3.7's ssl raises SystemError instead
        raise UserError('%s: the private key is encrypted; `openssl pkey -in %s` decrypts it',
                        *[path if key is None else key] * 2)
    except Exception as error:
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
    """Return whether a file has PEM of a *form*; True for a FIFO, which has been read already."""
    return is_fifo(path) or form.search(content(path)) is not None


def offer(context, names):
    """Make *context* offer or accept the ALPN protocols *names* (RFC 7301)."""
    if names:
        if not hasattr(context, 'set_alpn_protocols'):
            raise UserError('--alpn: this ssl module has no ALPN; Python 2.7.10 has')
        try:
            context.set_alpn_protocols(names)
        except (ssl.SSLError, NotImplementedError) as error:
            raise UserError('--alpn: %s', error)


def server_context(certificate, key=None, trusted=None, alpn=None, key_option='--key'):
    """
    Return a server's context.

    Args:
        certificate (str): a file with the chain, and with the key unless *key* is given.
        key_option (str or None): the option that names *key*, if there is one.
        trusted (Authorities or None): clients need a certificate from one of these.
        alpn (list of str or None): the protocols to accept.

    Raises:
        UserError: a file cannot be used.
    """
    context = new_context(ssl.Purpose.CLIENT_AUTH)
    load_certificate(context, certificate, key, key_option=key_option)
    if trusted is not None:
        trusted.load(context.load_verify_locations)
        context.verify_mode = ssl.CERT_REQUIRED
    offer(context, alpn)
    return context
