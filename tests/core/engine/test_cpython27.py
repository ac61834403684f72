"""The graft on CPython 2.7: nothing is taken for an ``SSL *`` that is none."""
from __future__ import absolute_import, division, print_function

import ctypes

from sslproto27._core.engine import EngineUnavailable, binding
from tests.support.engines import only_cpython2, only_graft
from tests.support.memory import PY2, Pair, raised
from tests.support.pipe_pairs import PYPY

if PY2 and not PYPY:
    import _ssl
    from sslproto27._core.engine.cpython27 import Handle


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
