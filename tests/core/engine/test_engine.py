"""
Which engine is chosen: the graft where OpenSSL can be reached, the pair elsewhere, or the one that
the environment names.
"""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support.engines import OTHER_LIBRARY, only_cpython2
from tests.support.memory import PY2, only_python2
from tests.support.pipe_pairs import PYPY

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
