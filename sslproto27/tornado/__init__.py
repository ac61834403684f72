"""
TLS over memory BIOs for Tornado 4.5 to 5.1: streams, servers, clients.

    import sslproto27.tornado
    sslproto27.tornado.install()

After that an unchanged application uses them. Public names only.
"""
from __future__ import absolute_import, division, print_function

from ._install import _is_installed  # noqa: F401: for sslproto27.install
from ._install import install, uninstall
from ._servers import HTTPServer, TCPClient, TCPServer
from ._stream import SSLIOStream, start_tls

__all__ = ['SSLIOStream', 'TCPServer', 'HTTPServer', 'TCPClient', 'start_tls', 'install',
           'uninstall']
