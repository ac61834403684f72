"""
Where OpenSSL cannot be reached the pair engine is used; where the graft is insisted on, importing
works, and the first use says why not, once and clearly.
"""
from __future__ import absolute_import, division, print_function

import ctypes

import pytest

from sslproto27._core.engine import EngineUnavailable, binding
from tests.support.engines import only_graft
from tests.support.memory import PY2, Pair, raised
from tests.support.pipe_pairs import PYPY

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


@only_graft
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


@only_graft
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


# Each way of not being reached, and what the reason for the other engine says.
CHOSEN = '''
import os
os.environ.pop('SSLPROTO27_ENGINE', None)
from sslproto27._core import engine as _engine
from sslproto27 import MemoryBIO, SSLObject
print(_engine.NAME, MemoryBIO.__module__, SSLObject.__module__)
print(_engine.REASON)
'''


def check_chosen(finished, reason):
    """Hold that the pair engine was chosen because of *reason*."""
    assert (0, '') == (finished.returncode, finished.stderr)
    lines = finished.stdout.splitlines()
    assert 'pair sslproto27._core.pair.bio sslproto27._core.pair.sslobject' == lines[0]
    assert reason in lines[1]


@only_python2
def test_pair_without_symbols(run_python):
    """Where the ssl module does not export OpenSSL the pair engine is chosen, and says so."""
    check_chosen(run_python(OTHER_LIBRARY + 'extension.__file__ = other' + CHOSEN),
                 'does not export it')


@only_cpython2
def test_pair_without_ctypes(run_python):
    """Where ctypes cannot be imported the pair engine is chosen, and nothing else imports it."""
    finished = run_python("""
from __future__ import print_function
import sys
sys.modules['ctypes'] = sys.modules['_ctypes'] = None
""" + CHOSEN + "import sslproto27.context, sslproto27.__main__")
    check_chosen(finished, 'ctypes')


# A finder (PEP 302) in whose way the import of a module fails.
FAILING = '''
from __future__ import print_function
import sys
class Failing(object):
    def find_module(self, name, path=None):
        return self if name == %r else None
    def load_module(self, name):
        raise %s
sys.meta_path.insert(0, Failing())
'''
FAILURES = [(ERROR, WHERE) for WHERE in (['cffi'] if PYPY else ['ctypes', '_ctypes']) for ERROR in (
    "OSError(13, 'not permitted')", "Exception('Version mismatch')", 'AttributeError()',
    "SystemError(u'\\xe9')", 'MemoryError()', 'ImportError("x")')]


@only_python2
@pytest.mark.parametrize('error, module', FAILURES)
def test_pair_if_an_import_fails(run_python, error, module):
    """Whatever an import of ctypes or cffi raises means the pair, with that for the reason."""
    check_chosen(run_python(FAILING % (module, error) + CHOSEN),
                 'x' if 'ImportError' in error else error.partition('(')[0])


@only_python2
def test_forced_if_an_import_fails(run_python):
    """Where the graft is insisted on, its first use says the reason."""
    finished = run_python(FAILING % ('cffi' if PYPY else 'ctypes', 'OSError("broken")') + '''
import os
os.environ['SSLPROTO27_ENGINE'] = 'graft'
import sslproto27
try:
    sslproto27.MemoryBIO()
except NotImplementedError as error:
    print(error)
''')
    assert (0, 'OSError: broken\n', '') == finished


@only_cpython2
@pytest.mark.parametrize('name', ['BIO_up_ref', 'OPENSSL_sk_num', 'SSL_SESSION_dup'])
def test_pair_without_a_function(run_python, name):
    """A library that lacks a function that the graft needs, as LibreSSL does, means the pair."""
    check_chosen(run_python("""
from __future__ import print_function
import ctypes
PyDLL = ctypes.PyDLL
class Other(PyDLL):
    def __getattr__(self, name):
        if name == %r:
            raise AttributeError(name)
        return PyDLL.__getattr__(self, name)
ctypes.PyDLL = Other
""" % name + CHOSEN), 'has no ' + name)


@only_python2
@pytest.mark.parametrize('name', ['graft', 'pair'])
def test_forced(run_python, name):
    """SSLPROTO27_ENGINE chooses an engine."""
    finished = run_python("""
from __future__ import print_function
import os
os.environ['SSLPROTO27_ENGINE'] = %r
import sslproto27
from sslproto27._core.engine import NAME
sslproto27.MemoryBIO()
print(NAME)
""" % name)
    assert (0, name + '\n', '') == finished


@only_python2
def test_forced_to_nothing(run_python):
    """Any other value of SSLPROTO27_ENGINE is a ValueError that names the variable and both."""
    finished = run_python("""
from __future__ import print_function
import os
os.environ['SSLPROTO27_ENGINE'] = 'Pair'
try:
    import sslproto27
except ValueError as error:
    print(error)
""")
    assert (0, "SSLPROTO27_ENGINE must be 'graft' or 'pair', not 'Pair'\n", '') == finished


@pytest.mark.skipif(PY2, reason='on 2.7 the variable chooses an engine')
def test_nothing_to_choose(run_python):
    """On Python 3 the variable means nothing, whatever it is set to."""
    finished = run_python("""
import os
os.environ['SSLPROTO27_ENGINE'] = 'neither'
import sslproto27
print(sslproto27.MemoryBIO.__module__)
""")
    assert (0, '_ssl\n', '') == finished


@only_python2
def test_ssl_without_contexts(run_python):
    """An ssl module without SSLContext, before PEP 466, is one clear ImportError."""
    finished = run_python("""
from __future__ import print_function
import ssl
del ssl.SSLContext
try:
    import sslproto27
except ImportError as error:
    print(error)
""")
    assert (0, '') == (finished.returncode, finished.stderr)
    assert 'needs an ssl module with SSLContext' in finished.stdout
