"""
Tornado's modules: everything else here gets them from this module.

So another copy of Tornado can have another set of our modules, with its own `_framework`.
"""
from __future__ import absolute_import, division, print_function

import importlib

from .._core.versions import require_version

_MODULES = ['concurrent', 'gen', 'httpserver', 'ioloop', 'iostream', 'log', 'netutil',
            'stack_context', 'tcpclient', 'tcpserver']

__all__ = ['IS_OLD', 'load', 'loop_of'] + _MODULES

#: Checked against 4.5.3, 5.0.2 and 5.1.1.
SUPPORTED = [('4.5', '4.5'), ('5.0', '5.1')]


def load(namespace, package, error=ImportError):
    """
    Import Tornado's modules.

    Args:
        namespace (dict): where to put them.
        package (str): the package to import them from.
        error (type): the exception for an unsupported version.

    Returns:
        dict: *namespace*.
    """
    root = importlib.import_module(package)
    require_version('Tornado', getattr(root, 'version', 'of no version'), SUPPORTED, error)
    for name in _MODULES:
        namespace[name] = importlib.import_module(root.__name__ + '.' + name)
    namespace['IS_OLD'] = is_old = root.version_info < (5,)
    # An argument that 5.0 no longer has.
    namespace['loop_of'] = lambda owner: dict(io_loop=owner.io_loop) if is_old else {}
    return namespace


load(globals(), 'tornado')
