"""
Contexts by the name of the server that a client asks for (RFC 6066 3). Nothing here does TLS.

A server name callback that gives a connection another context changes its certificate, the
authorities that it trusts and its choice of ALPN, and no more: OpenSSL, and so Python 3.13's ssl,
goes on with the verify mode, the flags and the versions of the context before (SSL_set_SSL_CTX,
observed on OpenSSL 3.0). Here the connection has all of them, or it is refused.
"""
from __future__ import absolute_import, division, print_function

import ssl

from ..compat import PY2, NativeContext, text_type
from ..engine import NAME
from ..pair.limits import cannot

if PY2:
    from ..chosen import SSLObject, callbacks, settings
    set_sni_callback = callbacks.set_sni_callback
    get_maximum_version = settings.get_maximum_version
    get_minimum_version = settings.get_minimum_version
else:
    from ..engine.cpython3_context import get_maximum_version, get_minimum_version, set_sni_callback

__all__ = ['by_server_name', 'choice_by_name']

# RFC 8446 6
ALERT_PROTOCOL_VERSION = 70
ALERT_INTERNAL_ERROR = 80
ALERT_UNRECOGNIZED_NAME = 112

#: Options that leave out one version each.
_VERSIONS = sum(getattr(ssl, name, 0) for name in (
    'OP_NO_TLSv1', 'OP_NO_TLSv1_1', 'OP_NO_TLSv1_2')) | 0x20000000  # OP_NO_TLSv1_3


def by_server_name(default, contexts):
    """
    Let a server answer with another context for each name that a client may ask for.

    The connection then has that context's certificate, trust, verify mode and flags, and its choice
    of ALPN. What version is spoken is settled before: a connection whose version the chosen context
    does not allow is refused (alert protocol_version), and so is a session that was made under
    another name where the chosen context verifies clients. On Python 3, whose ssl cannot set these
    for one connection, contexts must have the verify mode, flags and versions of *default*; with
    the pair engine too, and none of them may verify clients then.

    Args:
        default (ssl.SSLContext): for clients that ask for no name, or for one that is not there.
            The server is given this one. What it had as a server name callback is replaced.
        contexts (dict): from names (text), in any case, to ssl.SSLContext. A leftmost label ``*``
            stands for one whole label (RFC 6125 6.4.3); a name by itself counts first.

    Returns:
        *default*.

    Raises:
        TypeError, ValueError: a name or a context cannot be used; the text names it.
        NotImplementedError: the pair engine cannot give connections what a context has.
    """
    set_sni_callback(default, choice_by_name(default, contexts))
    return default


def choice_by_name(default, contexts):
    """Return the server name callback of `by_server_name`, for one that does more."""
    if not isinstance(default, NativeContext):
        raise TypeError('default must be an ssl.SSLContext, not %r' % (default,))
    chosen = {}
    for name, context in dict(contexts).items():
        if not isinstance(context, NativeContext):
            raise TypeError('context of %r must be an ssl.SSLContext, not %r' % (name, context))
        if NAME == 'pair':
            _check_possible(context, default)
        elif NAME == 'stdlib':
            _check_alike(name, context, default)
        # None, not default itself: a plain context must not be referred to by what it holds.
        chosen[_key(name)] = None if context is default else context
    return _callback(chosen)


def _key(name):
    """Return *name* as it is on the wire, in lower case and without the root's dot (str)."""
    if not isinstance(name, (str, text_type)):
        raise TypeError('a server name must be text, not %r' % (name,))
    wildcard = '*.' if name.startswith('*.') else ''
    try:
        text = name if isinstance(name, text_type) else name.decode('ascii')
        key = text[len(wildcard):].encode('idna').decode('ascii').lower().rstrip('.')
    except UnicodeError:
        key = ''
    if not key or '*' in key or key.startswith('.'):
        raise ValueError('%r is no server name' % (name,))
    return str(wildcard + key)


def _callback(chosen):
    def on_server_name(ssl_object, name, context):
        if name is None:
            return None
        key = str(name).lower().rstrip('.')
        if key not in chosen:
            key = '*.' + key.partition('.')[2]
        other = chosen.get(key)
        return None if other is None else _use(ssl_object, other, str(name), context)
    return on_server_name


def _use(ssl_object, context, name, before):
    """Let a connection have *context*; return None, or the alert that refuses it."""
    if NAME != 'graft' or not isinstance(ssl_object, SSLObject):  # ssl's own: out of reach
        ssl_object.context = context
        possible = _differs(context, before) is None and not (
            NAME == 'pair' and context is not before and context.verify_mode != ssl.CERT_NONE)
        return None if possible else ALERT_INTERNAL_ERROR
    if context.verify_mode != ssl.CERT_NONE and not ssl_object._may_resume_for(name):
        return ALERT_UNRECOGNIZED_NAME
    version = ssl_object._use_context(context)
    return None if _allows(context, version) else ALERT_PROTOCOL_VERSION


_OPTIONS = {0x301: 'OP_NO_TLSv1', 0x302: 'OP_NO_TLSv1_1', 0x303: 'OP_NO_TLSv1_2'}


def _allows(context, version):
    """Return whether *context* may speak *version*, as its number on the wire (bool)."""
    left_out = getattr(ssl, _OPTIONS[version]) if version in _OPTIONS else 0x20000000
    lowest, highest = int(get_minimum_version(context)), int(get_maximum_version(context))
    return (not context.options & left_out and (lowest < 0 or lowest <= version)
            and (highest < 0 or version <= highest))


def _differs(context, other):
    """Return the name of a setting that *context* has and a connection of *other* could not get."""
    for name, value in (
            ('verify_mode', lambda one: one.verify_mode),
            ('verify_flags', lambda one: one.verify_flags),
            ('minimum_version', get_minimum_version), ('maximum_version', get_maximum_version),
            ('options', lambda one: one.options & _VERSIONS)):
        if value(context) != value(other):
            return name
    return None


def _check_possible(context, default):
    if context is not default and context.verify_mode != ssl.CERT_NONE:
        raise cannot('by_server_name with contexts that verify clients')
    if _differs(context, default) is not None:
        raise cannot('by_server_name with contexts of other verify modes, flags or versions')


def _check_alike(name, context, default):
    setting = _differs(context, default)
    if setting is not None:
        raise ValueError('context of %r must have the %s of the default one on this Python'
                         % (name, setting))
