"""`sslproto27.install` and `uninstall`: what they open, and what they give back."""
from __future__ import absolute_import, division, print_function

import ssl
import sys

import pytest

import sslproto27
from sslproto27._install import FRAMEWORKS
from tests.support.memory import PY2, only_python2, raised


@pytest.fixture(autouse=True)
def restored():
    """Take back what a test has installed."""
    yield
    sslproto27.uninstall()


def state():
    """Return what of ssl and the frameworks is replaced."""
    import tornado.iostream
    import trollius
    import urllib3.util.ssl_
    return (ssl.wrap_socket, vars(ssl.SSLContext)['wrap_socket'], hasattr(ssl, 'MemoryBIO'),
            tornado.iostream.IOStream.start_tls, type(trollius.get_event_loop_policy()),
            urllib3.util.ssl_.SSLTransport)


@only_python2
class TestDoors(object):
    """On 2.7, where there are things to replace."""

    @pytest.fixture(autouse=True)
    def frameworks(self):
        """Skip where one of them is missing."""
        for name in ('tornado', 'trollius', 'urllib3'):
            pytest.importorskip(name, reason='it is what is patched')

    def test_alone(self):
        """Without arguments it gives ssl what PEP 546 does, and nothing else changes."""
        before = state()
        sslproto27.install()
        assert before[:2] + (True,) + before[3:] == state()

    def test_all(self):
        """What is named is replaced, each of it, and uninstall() gives all of it back."""
        before = state()
        sslproto27.install(sockets=True, tornado=True, trollius=True, urllib3=True)
        assert [] == [name for name, value in enumerate(state()) if value == before[name]]
        sslproto27.install()
        assert [] == [name for name, value in enumerate(state()) if value == before[name]]
        sslproto27.uninstall()
        assert before == state()

    def test_of_others(self):
        """What others have installed is theirs to take back."""
        from sslproto27 import sockets
        sockets.install()
        try:
            sslproto27.install()
            sslproto27.uninstall()
            assert sockets.SSLSocket is type(ssl.wrap_socket(__import__('socket').socket()))
        finally:
            sockets.uninstall()

    @pytest.mark.parametrize('name', ['sockets'] + sorted(FRAMEWORKS))
    @pytest.mark.parametrize('fails', [False, True])
    def test_of_others_again(self, monkeypatch, name, fails):
        """Nor does it change hands if install() names it too, be that a success or not."""
        import importlib
        if name in FRAMEWORKS:
            pytest.importorskip(name, reason='it is what is patched')
        module = importlib.import_module('sslproto27.' + name)
        open_, close = FRAMEWORKS.get(name, ('install', 'uninstall'))
        getattr(module, open_)()
        try:
            before = state()
            if fails:
                other = 'urllib3' if name != 'urllib3' else 'twisted'
                monkeypatch.setitem(sys.modules, 'sslproto27.' + other, None)
                assert isinstance(raised(sslproto27.install, **{name: True, other: True}),
                                  ImportError)
                assert before == state()
            sslproto27.install(**{name: True})
            sslproto27.install(**{name: True})
            sslproto27.uninstall()
            assert before == state() and module._is_installed()
        finally:
            getattr(module, close)()
        assert not module._is_installed()

    def test_setting(self):
        """suppress_ragged_eofs is for all that is named; the last call counts."""
        import trollius

        from sslproto27 import sockets
        for expected in (True, False):
            sslproto27.install(sockets=True, trollius=True, suppress_ragged_eofs=expected)
            assert expected is sockets._suppress_ragged_eofs
            assert expected is trollius.get_event_loop_policy().suppress_ragged_eofs

    @pytest.mark.parametrize('missing', ['tornado', 'urllib3'])
    def test_missing(self, monkeypatch, missing):
        """If a framework is missing, nothing is replaced."""
        before = state()
        monkeypatch.setitem(sys.modules, 'sslproto27.' + missing, None)
        names = dict.fromkeys(['sockets', 'trollius', missing], True)
        assert isinstance(raised(sslproto27.install, **names), ImportError)
        assert before == state()

    def test_missing_keeps_the_rest(self, monkeypatch):
        """What was there before stays."""
        sslproto27.install(sockets=True)
        before = state()
        monkeypatch.setitem(sys.modules, 'sslproto27.urllib3', None)
        raised(sslproto27.install, sockets=True, urllib3=True)
        assert before == state()


def test_setting_of_nothing():
    """A setting without anything that it is for is a mistake."""
    error = raised(sslproto27.install, suppress_ragged_eofs=True)
    assert (ValueError, True) == (type(error), 'suppress_ragged_eofs' in str(error))


@pytest.mark.parametrize('name', sorted(FRAMEWORKS))
def test_takes_the_setting(name):
    """Each framework's own function takes suppress_ragged_eofs, as a keyword."""
    import importlib
    import inspect
    try:
        module = importlib.import_module('sslproto27.' + name)
    except (ImportError, SyntaxError) as error:
        pytest.skip('%s is not there: %s' % (name, error))
    function = getattr(module, FRAMEWORKS[name][0])
    if PY2:
        found = inspect.getargspec(function)
        assert found.keywords or 'suppress_ragged_eofs' in found.args
    else:
        assert 'suppress_ragged_eofs' in inspect.signature(function).parameters
    assert callable(getattr(module, FRAMEWORKS[name][1]))


@pytest.mark.skipif(PY2, reason='there are sockets there')
def test_python3():
    """On Python 3 sockets are refused, and nothing is all that install() does."""
    assert NotImplementedError is type(raised(sslproto27.install, sockets=True))
    assert None is sslproto27.install()
