"""The parts of test.test_asyncio.utils that the tests use, with new certificates."""
from __future__ import absolute_import

import atexit
import os
import shutil
import tempfile
import unittest
import warnings

import trollius
import trustme

from . import ssl

_folder = tempfile.mkdtemp()
atexit.register(shutil.rmtree, _folder)
_authority = trustme.CA()
_issued = _authority.issue_cert(u'localhost')
SIGNING_CA, ONLYCERT, ONLYKEY = [os.path.join(_folder, name) for name in ('ca', 'cert', 'key')]
_authority.cert_pem.write_to_path(SIGNING_CA)
_issued.cert_chain_pems[0].write_to_path(ONLYCERT)
_issued.private_key_pem.write_to_path(ONLYKEY)


class TestCase(unittest.TestCase):
    """unittest's class with the names of Python 3's."""

    assertRaisesRegex = unittest.TestCase.assertRaisesRegexp  # noqa: N815
    assertRegex = unittest.TestCase.assertRegexpMatches  # noqa: N815

    def set_event_loop(self, loop):
        """Make *loop* the current one, and close it at the end."""
        trollius.set_event_loop(loop)
        self.addCleanup(loop.close)

    def assertWarns(self, category):  # noqa: N802
        """Return a context manager that requires a warning."""
        return _Warns(category)


# func_tests.FunctionalTestCaseMixin is mixed with unittest's own class.
unittest.TestCase.assertRaisesRegex = unittest.TestCase.assertRaisesRegexp
unittest.TestCase.assertWarns = lambda self, category: _Warns(category)


class _Warns(object):
    """Ignore the deprecations of Python 3.9."""

    def __init__(self, category):
        self._category = category
        self._catch = warnings.catch_warnings(record=True)

    def __enter__(self):
        self._seen = self._catch.__enter__()
        warnings.simplefilter('always')
        return self

    def __exit__(self, *exc_info):
        self._catch.__exit__(*exc_info)
        found = [one for one in self._seen if issubclass(one.category, self._category)]
        if exc_info[0] is None and not found and self._category is not DeprecationWarning:
            raise AssertionError('ResourceWarning not triggered')
        self.warning = found and found[0].message


def run_briefly(loop):
    """Run the callbacks that are ready."""
    loop.run_until_complete(trollius.sleep(0, loop=loop))


def simple_server_sslcontext():
    """Return a server's context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ONLYCERT, ONLYKEY)
    return context


def simple_client_sslcontext(disable_verify=True):
    """Return a client's context."""
    context = ssl.create_default_context()
    context.check_hostname = False
    if disable_verify:
        context.verify_mode = ssl.CERT_NONE
    return context


def dummy_ssl_context():
    """Return a context, because OpenSSL needs a real one."""
    return simple_client_sslcontext()
