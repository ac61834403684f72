"""``info``: shows the interpreter, the engine, OpenSSL, and what works here, or why it does not."""
from __future__ import absolute_import, division, print_function

import importlib
import os
import pkgutil
import platform
import ssl
import subprocess
import sys
import warnings

from .. import __path__ as package_path, __version__
from .._core.api import MemoryBIO
from .._core.compat import PY2, PYPY
from .._core.engine import NAME, REASON
from .._core.pair.limits import LIMITS
from .console import Output

HELP = 'show the interpreter, the engine, OpenSSL, what works here, and why the rest does not'

#: Packages that commands and tests use if they are installed.
_OTHERS = ('trustme',)

#: Packages that a module of ours imports only when it is used: there may be several copies.
_LATE = {'sslproto27.urllib3': 'urllib3'}


def add_arguments(parser):
    """Add nothing: the command has no arguments."""


def run(arguments):
    """Print the facts; the status is 1 if there is no engine."""
    console = Output()
    console.fact('sslproto27', __version__)
    console.fact('interpreter', '%s %s, %s' % (
        platform.python_implementation(), _version(), sys.executable))
    console.fact('system', platform.platform())
    console.fact('OpenSSL', ssl.OPENSSL_VERSION)
    reason = _why_no_engine()
    if reason:
        console.fact('engine', ('bad', 'none: '), reason)
    else:
        console.fact('engine', ('good', _engine()))
        console.fact('because', REASON)
    if NAME == 'pair':
        for name in sorted(LIMITS):
            console.fact('lacks', name, ': ', LIMITS[name])
    if NAME == 'stdlib' and os.environ.get('SSLPROTO27_ENGINE'):
        console.fact('variable', 'SSLPROTO27_ENGINE has no effect on Python 3')
    for name, flag in ('TLS 1.3', 'HAS_TLSv1_3'), ('ALPN', 'HAS_ALPN'):
        lacks = 'OpenSSL' if hasattr(ssl, flag) else 'ssl module'
        console.fact(name, ('good', 'yes') if getattr(ssl, flag, False) else
                     ('bad', 'no, not in this ' + lacks))
    _trust_store(console)
    for name in sorted(one for _, one, _ in pkgutil.iter_modules(package_path)
                       if not one.startswith('_') and one != 'context'):
        _module(console, name, __package__.rpartition('.')[0] + '.' + name)
    for name in _OTHERS:
        _module(console, name, name)
    _openssl_command(console)
    return 1 if reason else 0


def _version():
    if PYPY:
        return '%d.%d.%d (Python %s)' % (sys.pypy_version_info[:3] + (platform.python_version(),))
    return platform.python_version()


def _why_no_engine():
    try:
        MemoryBIO()
    except NotImplementedError as error:
        return str(error)
    return None


def _engine():
    if not PY2:
        return "the standard library's own memory BIOs"
    if NAME == 'pair':
        return "memory BIOs over a pair of sockets, through the interpreter's ssl alone"
    return 'memory BIOs grafted through %s' % ('cffi' if PYPY else 'ctypes')


def _trust_store(console):
    """Print how many of the system's authorities `connect` can trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if not PY2 else ssl.PROTOCOL_SSLv23)
    context.load_default_certs()
    count = context.cert_store_stats()['x509_ca']
    paths = ssl.get_default_verify_paths()
    where = ', '.join(path for path in (paths.cafile, paths.capath) if path) or 'nowhere'
    if count:
        console.fact('authorities', ('good', '%d' % count), ', from ', where)
    elif paths.capath:
        # X509_LOOKUP_hash_dir(3): OpenSSL reads this folder only when it needs an authority.
        console.fact('authorities', 'looked up when needed in ', paths.capath)
    else:
        console.fact('authorities', ('bad', 'none, looked for in '), where)


def _module(console, title, name):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # some libraries warn that 2.7 is obsolete
            importlib.import_module(name)
            importlib.import_module(_LATE.get(name, name))
    except (ImportError, NotImplementedError) as error:
        console.fact(title, ('bad', 'no: '), error)
    else:
        console.fact(title, ('good', 'yes'))


def _openssl_command(console):
    try:
        process = subprocess.Popen(['openssl', 'version'], stdout=subprocess.PIPE)
    except OSError as error:
        console.fact('openssl', ('warn', 'no command of that name: '), error)
        return
    console.fact('openssl', process.communicate()[0].strip())
