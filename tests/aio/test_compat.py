"""The frameworks' private names: all that are used are in the table, and the framework has them."""
from __future__ import absolute_import, division, print_function

import sys

import pytest

from sslproto27._aio import compat
from sslproto27._core.compat import PY2
from sslproto27._core.versions import installed_version
from tests.support.imports import foreign_imports, modules
from tests.support.private_names import faults

NAME = compat.framework.__name__

MODULES = ['_stream.lower_transport'] + [
    name for name in modules()
    if name.split('.')[0] == '_aio' and (PY2 or name not in ('_aio.compat', '_aio.sockets'))]

#: What only later versions have.
ABSENT = [] if sys.version_info >= (3, 8) else [
    'streams.StreamReaderProtocol._strong_reader', 'streams.StreamReaderProtocol._transport']


def faults_of(table):
    """Return what is wrong with a table."""
    return faults(NAME, MODULES, table, ['_handler', '_peer_has_ended'], ABSENT)


def test_table():
    """The table has each private name that is used, and no other; the framework has them."""
    version = installed_version(compat.framework, NAME) if PY2 else '%d.%d' % sys.version_info[:2]
    assert '%s %s' % (NAME, version) in compat.READ_FROM
    assert [] == faults_of(compat.PRIVATE)


@pytest.mark.parametrize('where, names, fault', [
    ('unix_events.DefaultEventLoopPolicy', '_loop_factory', '_watcher of _aio.loop:'),
    ('streams.StreamWriter', '_no_such_name', '_no_such_name is not in streams.StreamWriter'),
    ('base_events.Server', '_wakeup', '_wakeup is not used'),
])
def test_faults(where, names, fault):
    """A name that is missing, that the framework lacks, or that nothing uses is found."""
    found = faults_of(dict(compat.PRIVATE, **{where: names}))
    assert [one for one in found if fault in one]


def test_one_place():
    """Only this module imports a framework."""
    assert ['_aio.compat'] == [name for name in modules() if name.split('.')[0] == '_aio'
                               and foreign_imports(name) & {'asyncio', 'trollius'}]
