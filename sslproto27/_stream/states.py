"""The states of `SSLProtocol`. Nothing here knows of TLS, of loops or of transports."""
from __future__ import absolute_import, division, print_function

__all__ = ['TRANSITIONS',
           'NEW', 'HANDSHAKE', 'CONNECTED', 'HALF_CLOSED', 'UNWRAPPING', 'CLOSING', 'ENDING',
           'CLOSED', 'MADE', 'ESTABLISHED', 'PEER_END', 'UNWRAP', 'DETACH', 'CLOSE', 'END', 'LOST',
           'EARLY', 'OPEN', 'READING', 'SENDING', 'OVER']

# States
NEW = 'NEW'                  # no transport yet
HANDSHAKE = 'HANDSHAKE'      # the application is not told of anything yet
CONNECTED = 'CONNECTED'      # the application has its transport
HALF_CLOSED = 'HALF_CLOSED'  # it has had eof_received, and wants to go on writing
UNWRAPPING = 'UNWRAPPING'    # it wants the transport below back, once TLS has ended on both sides
CLOSING = 'CLOSING'          # it has closed: what it wrote goes out, then close_notify
ENDING = 'ENDING'            # the transport below has been told to close
CLOSED = 'CLOSED'            # the transport below is gone, or the application's again

# Events
MADE = 'MADE'
ESTABLISHED = 'ESTABLISHED'
PEER_END = 'PEER_END'
UNWRAP = 'UNWRAP'
DETACH = 'DETACH'
CLOSE = 'CLOSE'
END = 'END'
LOST = 'LOST'

EARLY = frozenset([NEW, HANDSHAKE])
OPEN = frozenset([CONNECTED, HALF_CLOSED])    # the application may use its transport
READING = frozenset([CONNECTED, UNWRAPPING])  # it may get data
SENDING = frozenset([HANDSHAKE, CONNECTED, HALF_CLOSED, UNWRAPPING, CLOSING])
OVER = frozenset([ENDING, CLOSED])

#: Every transition there is.
TRANSITIONS = {
    (NEW, MADE): HANDSHAKE,
    (HANDSHAKE, ESTABLISHED): CONNECTED,
    (CONNECTED, PEER_END): HALF_CLOSED,
    (CONNECTED, UNWRAP): UNWRAPPING,
    (HALF_CLOSED, UNWRAP): UNWRAPPING,
    (UNWRAPPING, DETACH): CLOSED,
    (CONNECTED, CLOSE): CLOSING,
    (HALF_CLOSED, CLOSE): CLOSING,
    (UNWRAPPING, CLOSE): CLOSING,
}
TRANSITIONS.update(((state, END), ENDING) for state in SENDING | {NEW})
TRANSITIONS.update(((state, LOST), CLOSED) for state in SENDING | {NEW, ENDING})
