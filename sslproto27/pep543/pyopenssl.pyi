from . import _ClientContext, _PEMBackend, _ServerContext

__all__ = ['BACKEND', 'PyOpenSSLClientContext', 'PyOpenSSLServerContext']

class PyOpenSSLClientContext(_ClientContext): ...
class PyOpenSSLServerContext(_ServerContext): ...

BACKEND: _PEMBackend
