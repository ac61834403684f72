"""Fixtures for every test: certificates, contexts, the TLS versions."""
from __future__ import absolute_import, division, print_function

import collections
import gc
import os
import signal
import subprocess
import sys
import threading

import pytest

import sslproto27
from sslproto27._stream.report import failed_handshakes
from tests.support.engines import is_allowed, pass_on
from tests.support.memory import PY2, connect
from tests.support.pki import VERSIONS, temporary_pki
from tests.support.programs import ROOT


def pytest_configure(config):
    """Let children of the tests be hung up, also if these run under nohup(1)."""
    if hasattr(signal, 'SIGHUP') and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_finish(session):
    """Leave what is there before the tests out of each collection: it is much."""
    if hasattr(gc, 'freeze'):  # Python 3.7
        gc.freeze()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Skip, with the reason, a test that needs what the pair engine says it cannot do."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and is_allowed(call.excinfo, item):
        report.outcome = 'skipped'
        path, line, _ = item.location
        report.longrepr = (path, line, 'Skipped: %s' % call.excinfo.value)


@pytest.fixture(scope='session')
def pki():
    """The certificates of this session (pki.PKI)."""
    with temporary_pki() as made:
        yield made


@pytest.fixture(autouse=True)
def current_loop():
    """Where Tornado runs on asyncio there is a current loop, also after a test that left none."""
    if PY2 or sys.version_info >= (3, 10):
        yield
        return
    import asyncio
    try:
        asyncio.get_event_loop()
    except RuntimeError:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        yield
        asyncio.set_event_loop(None)
        loop.close()
    else:
        yield


@pytest.fixture(autouse=True)
def all_reported():
    """Whatever failed in the tests before, failed handshakes are logged in this one."""
    failed_handshakes.__init__()


@pytest.fixture(params=VERSIONS)
def tls_version(request):
    """Each TLS version in turn, as `version()` names it."""
    return request.param


@pytest.fixture
def client_context(pki, tls_version):
    """
    A client's context of one TLS version that trusts the test authority and checks the host
    name.
    """
    return pki.client_context(version=tls_version)


@pytest.fixture
def server_context(pki, tls_version):
    """A server's context of one TLS version with the certificate of 'localhost'."""
    return pki.server_context(version=tls_version)


@pytest.fixture
def pair(client_context, server_context):
    """A connected memory.Pair of one TLS version."""
    return connect(client_context, server_context)


Finished = collections.namedtuple('Finished', 'returncode stdout stderr')


@pytest.fixture
def run_python(pki):
    """
    A function that runs a script in a child of this interpreter.

    sslproto27 and these tests can be imported there, and warnings are errors.

    The script finds `pki.directory` in ``sys.argv[1]``. The function returns Finished(returncode,
    stdout, stderr), the outputs as native text; a child that hangs is killed.
    """
    package = os.path.dirname(os.path.dirname(os.path.abspath(sslproto27.__file__)))

    def start(source, timeout=60, warnings='error'):
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join([package, ROOT]))
        child = subprocess.Popen([sys.executable, '-W', warnings, '-c', source, pki.directory],
                                 env=environment, universal_newlines=True, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        killer = threading.Timer(timeout, child.kill)
        killer.start()
        try:
            stdout, stderr = child.communicate()
        finally:
            killer.cancel()
            killer.join()
        return Finished(child.returncode, stdout, pass_on(stderr))

    return start
