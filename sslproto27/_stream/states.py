"""The states of `SSLProtocol`. Nothing here knows of TLS, of loops or of transports."""
from __future__ import absolute_import, division, print_function

__all__ = ['TRANSITIONS',
           'NEW', 'HANDSHAKE', 'CONNECTED', 'HALF_CLOSED', 'UNWRAPPING', 'CLOSING', 'ENDING',
           'CLOSED', 'MADE', 'ESTABLISHED', 'PEER_END', 'UNWRAP', 'DETACH', 'CLOSE', 'END', 'LOST',
           'EARLY', 'OPEN', 'READING', 'SENDING', 'OVER']

# States
NEW = 'NEW'                  # no transport yet
HANDSHAKE = 'HANDSHAKE'      # the application has not been called yet
CONNECTED = 'CONNECTED'      # the application has its transport
HALF_CLOSED = 'HALF_CLOSED'  # the peer has ended its side; the application goes on writing
UNWRAPPING = 'UNWRAPPING'    # the application gets the transport below once both sides ended TLS
CLOSING = 'CLOSING'          # the application has closed: its data goes out, then close_notify
ENDING = 'ENDING'            # the transport below has been told to close
CLOSED = 'CLOSED'            # the transport below is lost, or belongs to the application again

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
READING = frozenset([CONNECTED, UNWRAPPING])  # the application may get data
SENDING = frozenset([HANDSHAKE, CONNECTED, HALF_CLOSED, UNWRAPPING, CLOSING])
OVER = frozenset([ENDING, CLOSED])

#: All transitions.
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
