"""The parts of Python 3's ssl that the tests use."""
from __future__ import absolute_import

from ssl import *  # noqa: F401, F403
from ssl import SSLEOFError, SSLError, SSLWantReadError, SSLZeroReturnError  # noqa: F401

import sslproto27
from sslproto27.context import (  # noqa: F401
    OP_NO_TLSv1_3, PROTOCOL_TLS, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER)

MemoryBIO, SSLObject = sslproto27.MemoryBIO, sslproto27.SSLObject
SSLContext = sslproto27.SSLContext
SSLCertVerificationError = sslproto27.SSLCertVerificationError
create_default_context = sslproto27.create_default_context
