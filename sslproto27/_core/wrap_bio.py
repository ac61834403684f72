"""`wrap_bio` on 2.7, for both engines."""
from __future__ import absolute_import, division, print_function

import ssl

from .chosen import SSLObject, class_under_lock
from .compat import NativeContext
from .context.registry import settings_of
from .servername import encode_hostname

__all__ = ['wrap_bio', 'wrap_bio_and_check', 'wrap_bio_under_lock']


def wrap_bio(context, incoming, outgoing, server_side=False, server_hostname=None, session=None):
    """
    Return an `SSLObject` that does TLS through two memory BIOs.

    Args:
        context (ssl.SSLContext): certificates, trust and settings; it need not be ours.
        incoming (MemoryBIO): put the peer's bytes here.
        outgoing (MemoryBIO): take the bytes for the peer from here.
        server_side (bool): True for a server, False for a client.
        server_hostname (text, bytes or None): the server's name or IP address. A name is sent as
            SNI, an address is not (RFC 6066 3). Both are checked if ``context.check_hostname``.
        session (SSLSession or None): the session that a client wants to resume; the pair engine
            cannot.

    Raises:
        TypeError, ValueError, UnicodeError: an argument cannot be used; the text names it.
        EngineUnavailable: this interpreter's OpenSSL cannot be reached.
    """
    return wrap_bio_and_check(context, incoming, outgoing, server_side, server_hostname, session,
                              False)


def wrap_bio_and_check(context, incoming, outgoing, server_side, server_hostname, session,
                       check_name, default=SSLObject, owner=None):
    """
    Do what `wrap_bio` does.

    Args:
        check_name (bool): check *server_hostname* even if *context* does not; this does not change
            *context*. If certificates are not verified at all, names are not checked either.
        default (type): the class, unless *context* has a subclass of `SSLObject`.
        owner: the argument for server name callbacks, kept by a weak reference; None means the
            object itself.
    """
    if not isinstance(context, NativeContext):
        raise TypeError('context must be an ssl.SSLContext, not %s' % type(context).__name__)
    for name, bio in (('incoming', incoming), ('outgoing', outgoing)):
        if not isinstance(bio, default._BIO):
            raise TypeError('%s must be a MemoryBIO, not %s' % (name, type(bio).__name__))
    settings = settings_of(context)
    cls = getattr(context, 'sslobject_class', None) or settings.sslobject_class or SSLObject
    if cls is SSLObject:
        cls = default
    return cls._create(context, incoming, outgoing, server_side,
                       encode_hostname(server_hostname), session, settings,
                       check_name and context.verify_mode != ssl.CERT_NONE, owner)


def wrap_bio_under_lock(*args, **kwargs):
    """Do what `wrap_bio_and_check` does, for a caller that has a lock over the object."""
    return wrap_bio_and_check(*args, default=class_under_lock(), **kwargs)
