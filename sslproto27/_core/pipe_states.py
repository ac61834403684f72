"""
The states of `SSLPipe`. Nothing here knows of TLS, loops or transports.

    PLAINTEXT -> HANDSHAKE -> OPEN -+-> CLOSING ------+-> FINISHING -> CLOSED -> PLAINTEXT
                                    +-> PEER_CLOSED --+              any of TLS's -> BROKEN
"""
from __future__ import absolute_import, division, print_function

__all__ = ['TRANSITIONS', 'PLAINTEXT', 'HANDSHAKE', 'OPEN', 'PEER_CLOSED', 'CLOSING', 'FINISHING',
           'CLOSED', 'BROKEN', 'CAN_END', 'PEER_ENDED', 'START', 'ESTABLISHED', 'PEER_CLOSE',
           'CLOSE', 'CLOSE_DONE', 'UNWRAP', 'FAIL']

# States
PLAINTEXT = 'PLAINTEXT'      # bytes pass through as they are
HANDSHAKE = 'HANDSHAKE'      # data that the application writes waits
OPEN = 'OPEN'                # application data flows both ways
PEER_CLOSED = 'PEER_CLOSED'  # the peer's data has ended: only we may write (RFC 8446 6.1)
CLOSING = 'CLOSING'          # we have ended our side, the peer has not
FINISHING = 'FINISHING'      # both sides have ended; we send the rest of our data
CLOSED = 'CLOSED'            # all is sent, close_notify too
BROKEN = 'BROKEN'            # TLS has failed, for good

#: In which our side can still end TLS in good order, by close_notify.
CAN_END = frozenset([OPEN, PEER_CLOSED])
#: In which the peer has ended its side.
PEER_ENDED = frozenset([PEER_CLOSED, FINISHING, CLOSED])

# Events, in the words of errors and of the drawing in docs/images: a call has its method's name.
START = 'do_handshake()'
ESTABLISHED = 'handshake done'
PEER_CLOSE = "peer's close_notify"  # or its EOF
CLOSE = 'shutdown()'
CLOSE_DONE = 'close_notify sent'
UNWRAP = 'unwrap()'
FAIL = 'TLS fails'

#: All transitions. Any other event is the caller's mistake.
TRANSITIONS = {
    (PLAINTEXT, START): HANDSHAKE,
    (HANDSHAKE, ESTABLISHED): OPEN,
    (OPEN, PEER_CLOSE): PEER_CLOSED,
    (OPEN, CLOSE): CLOSING,
    (CLOSING, PEER_CLOSE): FINISHING,
    (PEER_CLOSED, CLOSE): FINISHING,
    (FINISHING, CLOSE_DONE): CLOSED,
    (CLOSED, UNWRAP): PLAINTEXT,
    (HANDSHAKE, FAIL): BROKEN,
    (OPEN, FAIL): BROKEN,
    (PEER_CLOSED, FAIL): BROKEN,
    (CLOSING, FAIL): BROKEN,
    (FINISHING, FAIL): BROKEN,
}
