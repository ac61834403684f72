"""Twisted's private names: all that are used are in the table, and Twisted has them."""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support import twisteds  # noqa: F401: skips where there is no Twisted
from sslproto27.twisted import _lower
from tests.support.imports import modules
from tests.support.private_names import faults
import twisted

MODULES = [name for name in modules() if name.split('.')[0] == 'twisted']

OURS = ['_accept', '_sslproto27']


def faults_of(table):
    """Return what is wrong with a table."""
    return faults('twisted', MODULES, table, OURS)


def test_table():
    """The table has each private name that is used, and no other; this Twisted has them."""
    assert twisted.__version__ in _lower.READ_FROM
    assert [] == faults_of(_lower.PRIVATE)


@pytest.mark.parametrize('where, names, fault', [
    ('protocols.amp.BinaryBoxProtocol', '', '_startTLS of'),
    ('internet.tcp', '_TLSConnectionMixin _no_such_name', '_no_such_name is not in internet.tcp'),
    ('protocols.amp.AMP', '_sendTo', '_sendTo is not used'),
])
def test_faults(where, names, fault):
    """A name that is missing, that Twisted lacks, or that nothing uses is found."""
    found = faults_of(dict(_lower.PRIVATE, **{where: names}))
    assert [one for one in found if fault in one]
