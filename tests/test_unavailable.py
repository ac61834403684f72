"""
Where OpenSSL cannot be reached: importing works, and the first use says why, once and clearly.
"""
from __future__ import absolute_import, division, print_function

import pytest

from memory import PY2, raised
from pipe_pairs import PYPY
from sslproto27._core.engine import EngineUnavailable
from sslproto27._core.engine.libssl import check_version

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


def test_version():
    """OpenSSL 1.1.0 is new enough, and the last 1.0.2 is not."""
    check_version(0x10100000)
    check_version(0x300000d0)
    error = raised(check_version, 0x1000215f)
    assert EngineUnavailable is type(error)
    assert '1.1.0' in str(error) and '0x1000215f' in str(error)
