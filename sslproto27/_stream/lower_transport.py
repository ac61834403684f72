"""
Calls to the transport below, of any loop. Nothing here knows of TLS.

asyncio's transports have a method for each of these; Trollius' have only attributes, which
`_aio.compat` lists.
"""
from __future__ import absolute_import, division, print_function

__all__ = ['closes_at_once', 'get_protocol', 'is_closing', 'is_lost', 'is_writing_paused',
           'pause_reading', 'resume_reading', 'set_protocol']


def closes_at_once(transport):
    """Return whether *transport* has a socket and nothing left to send (bool)."""
    return getattr(transport, '_sock', None) is not None and not transport.get_write_buffer_size()


def is_closing(transport):
    """Return whether *transport* is closing or closed (bool)."""
    method = getattr(transport, 'is_closing', None)
    if method is not None:
        return method()
    return getattr(transport, '_closing', False)


def is_lost(transport):
    """Return whether *transport* sends nothing that is written from now on (bool)."""
    return is_closing(transport) and not transport.get_write_buffer_size()


def is_writing_paused(transport):
    """Return whether *transport* has called pause_writing but not yet resume_writing (bool)."""
    return getattr(transport, '_protocol_paused', False)


def pause_reading(transport):
    """Pause *transport*, unless it is already paused."""
    if not is_closing(transport) and _is_reading(transport):
        transport.pause_reading()


def resume_reading(transport):
    """Resume *transport*, if it is paused."""
    if not is_closing(transport) and not _is_reading(transport):
        transport.resume_reading()


def _is_reading(transport):
    method = getattr(transport, 'is_reading', None)
    if method is not None:
        return method()
    return not getattr(transport, '_paused', False)


def get_protocol(transport):
    """Return the protocol of *transport*."""
    method = getattr(transport, 'get_protocol', None)
    return method() if method is not None else transport._protocol


def set_protocol(transport, protocol):
    """Make *protocol* the protocol of *transport*."""
    method = getattr(transport, 'set_protocol', None)
    if method is not None:
        method(protocol)
    else:
        transport._protocol = protocol
