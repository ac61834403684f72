"""What Twisted's plugin system finds: endpoint strings that begin with ``tls27:``."""
from __future__ import absolute_import, division, print_function

from sslproto27.twisted._strings import ClientParser, ServerParser

__all__ = ['client_parser', 'server_parser']

client_parser = ClientParser()
server_parser = ServerParser()
