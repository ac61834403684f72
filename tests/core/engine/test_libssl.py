"""
Where OpenSSL cannot be reached the pair engine is used; where the graft is insisted on, importing
works, and the first use says why not, once and clearly.
"""
from __future__ import absolute_import, division, print_function

from tests.support.engines import OTHER_LIBRARY, only_cpython2, only_graft
from tests.support.memory import only_python2


# Everything public that needs OpenSSL; what each first use raises.
USES = '''
import os
import ssl
os.environ['SSLPROTO27_ENGINE'] = 'graft'
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
    check(finished, 'has no OpenSSL_version_num, BIO_up_ref, SSL_set0_rbio')


@only_graft
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
