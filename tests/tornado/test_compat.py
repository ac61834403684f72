"""Which Tornado there is: its version, and its private names that we use."""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support import tornados  # noqa: F401: skips where there is no Tornado
from sslproto27.tornado import _compat
from tests.support.imports import modules
from tests.support.private_names import faults
import tornado

MODULES = [name for name in modules() if name.split('.')[0] == 'tornado']

#: And the pipe's, and two of Python's own sockets.
OURS = ['_compat', '_sslproto27_context', '_sslproto27_handshakes', '_pid', '_sock', '_sslobj']


@pytest.mark.parametrize('version', ['3.2', '6.1'])
def test_other_version(run_python, version):
    """Nothing of sslproto27.tornado can be imported with a Tornado that is not supported."""
    finished = run_python('''
import tornado
tornado.version = %r
for _ in range(2):
    try:
        import sslproto27.tornado
    except ImportError as error:
        print(error)
''' % version, warnings='ignore')
    expected = 'Tornado %s is not supported, but 4.5 and 5.0 to 5.1\n' % version
    assert 2 * expected == finished.stdout, finished.stderr


def faults_of(table):
    """Return what is wrong with a table."""
    return faults('tornado', MODULES, table, OURS,
                  ['iostream.BaseIOStream._user_read_buffer'] if _compat.IS_OLD else [])


def test_table():
    """The table has each private name that is used, and no other; this Tornado has them."""
    assert tornado.version in _compat.READ_FROM
    assert [] == faults_of(_compat.PRIVATE)


@pytest.mark.parametrize('where, names, fault', [
    ('tcpserver.TCPServer', '', '_handle_connection of'),
    ('iostream.IOStream', '', '_connecting of'),
    ('netutil', '_client_ssl_defaults _no_such_name', '_no_such_name is not in netutil'),
    ('tcpserver.TCPServer', '_handle_connection _sockets', '_sockets is not used'),
])
def test_faults(where, names, fault):
    """A name that is missing, that Tornado lacks, or that nothing uses is found."""
    found = faults_of(dict(_compat.PRIVATE, **{where: names}))
    assert [one for one in found if fault in one]
