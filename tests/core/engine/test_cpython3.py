"""Python 3's own classes are what there is: nothing is wrapped, nothing is installed."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from tests.support.memory import PY2, raised

if PY2:
    pytest.skip('this is about Python 3, whose ssl has it all', allow_module_level=True)

from sslproto27._core.engine import cpython3  # noqa: E402


@pytest.mark.parametrize('name', ['MemoryBIO', 'SSLObject', 'SSLSession', 'SSLContext',
                                  'SSLCertVerificationError', 'TLSVersion',
                                  'create_default_context'])
def test_names(name):
    """Each is the standard library's own."""
    assert getattr(ssl, name) is getattr(cpython3, name)


def test_wrap_bio(client_context):
    """An object is that of the context, with what was given."""
    made = cpython3.wrap_bio(client_context, ssl.MemoryBIO(), ssl.MemoryBIO(),
                             server_hostname='localhost')
    assert (ssl.SSLObject, client_context, False, 'localhost') == (
        type(made), made.context, made.server_side, made.server_hostname)


@pytest.mark.parametrize('wrong', [None, 'context', ssl.SSLContext], ids=repr)
def test_wrong_context(wrong):
    """What is no context is a TypeError that says so."""
    error = raised(cpython3.wrap_bio, wrong, ssl.MemoryBIO(), ssl.MemoryBIO())
    assert TypeError is type(error) and 'context must be an ssl.SSLContext' in str(error)


def test_install():
    """install and uninstall leave ssl as it is."""
    before = dict(vars(ssl)), dict(vars(ssl.SSLContext))
    cpython3.install(context_members=True)
    assert before == (dict(vars(ssl)), dict(vars(ssl.SSLContext)))
    cpython3.uninstall()
    assert before == (dict(vars(ssl)), dict(vars(ssl.SSLContext)))
