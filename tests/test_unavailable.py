"""
Where OpenSSL cannot be reached: importing works, and the first use says why, once and clearly.
"""
from __future__ import absolute_import, division, print_function

import ctypes

import pytest

from memory import PY2, Pair, raised
from pipe_pairs import PYPY
from sslproto27._core.engine import EngineUnavailable, binding
from sslproto27._core.engine.libssl import check_version

if PY2 and not PYPY:
    import _ssl
    from sslproto27._core.engine.cpython27 import Handle

only_python2 = pytest.mark.skipif(not PY2, reason='Python 3 has it all in its own ssl')
only_cpython2 = pytest.mark.skipif(not PY2 or PYPY, reason='only CPython 2.7 uses ctypes here')

# A library that is there and has nothing of OpenSSL.
OTHER_LIBRARY = '''
from __future__ import print_function
try:
    import _pypy_openssl as extension
    other = 'libc.so.6'
except ImportError:
    import _ctypes, _ssl as extension
    other = _ctypes.__file__
'''

# Everything public that needs OpenSSL; what each first use raises.
USES = '''
import ssl
import sslproto27
from sslproto27._core.engine import EngineUnavailable

context = ssl.SSLContext(ssl.PROTOCOL_SSLv23)
class Loop(object):
    pass
for use in (sslproto27.MemoryBIO, lambda: sslproto27.SSLPipe(context),
            lambda: sslproto27.SSLProtocol(Loop(), None, context),
            sslproto27.create_default_context):
    try:
        use()
    except NotImplementedError as error:
        print(type(error) is EngineUnavailable, error)
sslproto27.install()
print(ssl.MemoryBIO is sslproto27.MemoryBIO)
sslproto27.uninstall()
'''


def check(finished, reason):
    """Hold that each use raised EngineUnavailable with *reason*, and that all the rest worked."""
    assert (0, '') == (finished.returncode, finished.stderr)
    lines = finished.stdout.splitlines()
    assert 5 == len(lines)
    assert 'True' == lines.pop()
    assert 1 == len(set(lines))
    assert lines[0].startswith('True ')
    assert reason in lines[0]


@only_python2
def test_no_symbols(run_python):
    """An ssl module that does not export OpenSSL (linked statically) is named as the reason."""
    finished = run_python(OTHER_LIBRARY + 'extension.__file__ = other' + USES)
    check(finished, 'does not export it')


@only_python2
def test_no_library(run_python):
    """A library that cannot be opened is named as the reason."""
    finished = run_python(OTHER_LIBRARY + "extension.__file__ = '/nonexistent/library.so'" + USES)
    check(finished, '/nonexistent/library.so')


@only_cpython2
def test_old_library(run_python):
    """
    OpenSSL 1.0.2, which lacks OpenSSL_version_num among others, is refused with the version that is
    needed.
    """
    finished = run_python('''
from __future__ import print_function
import ctypes
PyDLL = ctypes.PyDLL
class Old(PyDLL):
    def __getattr__(self, name):
        if name in ('OpenSSL_version_num', 'BIO_up_ref', 'SSL_set0_rbio'):
            raise AttributeError(name)
        return PyDLL.__getattr__(self, name)
ctypes.PyDLL = Old
''' + USES)
    check(finished, 'needs OpenSSL 1.1.0 or later')


@only_cpython2
def test_missing_function(run_python):
    """A setting that needs a function which this OpenSSL lacks raises; it is not left out."""
    finished = run_python('''
from __future__ import print_function
import ctypes
PyDLL = ctypes.PyDLL
LACKING = ['SSL_CTX_set_num_tickets', 'SSL_CTX_set_ciphersuites', 'SSL_CTX_set_keylog_callback']
class Old(PyDLL):
    def __getattr__(self, name):
        if name in LACKING:
            raise AttributeError(name)
        return PyDLL.__getattr__(self, name)
ctypes.PyDLL = Old
import os
from sslproto27 import SSLContext
context = SSLContext()
for change in (lambda: setattr(context, 'num_tickets', 1),
               lambda: context.set_ciphersuites('TLS_AES_128_GCM_SHA256'),
               lambda: setattr(context, 'keylog_filename', os.devnull)):
    try:
        change()
    except NotImplementedError as error:
        print(error)
''')
    assert (0, '') == (finished.returncode, finished.stderr)
    assert ['this OpenSSL has no ' + name for name in (
        'SSL_CTX_set_num_tickets', 'SSL_CTX_set_ciphersuites', 'SSL_CTX_set_keylog_callback')
    ] == finished.stdout.splitlines()


@only_cpython2
def test_other_layout(run_python):
    """
    Where the native object is laid out in another way nothing in it is taken for a pointer.
    """
    finished = run_python('''
from __future__ import print_function
import ssl
from sslproto27 import MemoryBIO, wrap_bio
from sslproto27._core.engine import EngineUnavailable
class Elsewhere(ssl.SSLContext):
    # Its native object refers to another context than the one that is looked for.
    def _wrap_socket(self, *args, **kwargs):
        return ssl.SSLContext(ssl.PROTOCOL_SSLv23)._wrap_socket(*args, **kwargs)
try:
    wrap_bio(Elsewhere(ssl.PROTOCOL_SSLv23), MemoryBIO(), MemoryBIO())
except EngineUnavailable as error:
    print(error)
''')
    assert (0, '') == (finished.returncode, finished.stderr)
    assert 'does not know the layout' in finished.stdout


@only_cpython2
def test_other_owner(pki):
    """What is not the very object of an ``SSL *`` is not taken for it, though it is of its type."""
    mine, other = [Pair(pki.client_context(), pki.server_context()).client for _ in range(2)]
    handle = Handle(ctypes.addressof(mine._ssl._obj))
    set_data = ctypes.CDLL(getattr(_ssl, '__file__', None)).SSL_set_ex_data
    assert mine is binding.owner_of(handle)
    set_data(handle, 0, ctypes.c_void_p(id(other._native)))
    try:
        assert EngineUnavailable is type(raised(binding.owner_of, handle))
    finally:
        set_data(handle, 0, ctypes.c_void_p(id(mine._native)))


def test_version():
    """OpenSSL 1.1.0 is new enough, and the last 1.0.2 is not."""
    check_version(0x10100000)
    check_version(0x300000d0)
    error = raised(check_version, 0x1000215f)
    assert EngineUnavailable is type(error)
    assert '1.1.0' in str(error) and '0x1000215f' in str(error)
