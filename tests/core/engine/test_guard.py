"""The guard around functions that C calls: an exception becomes a refusal, whatever happens."""
from __future__ import absolute_import, division, print_function

import sys

import pytest

from tests.support.memory import PY2

if not PY2:
    pytest.skip("OpenSSL calls no function of ours on Python 3", allow_module_level=True)

from sslproto27._core.engine.guard import guarded  # noqa: E402


def test_result():
    """The result of the function comes out, and its arguments go in."""
    assert (1, 2) == guarded(lambda *args: args, 0)(1, 2)


@pytest.mark.parametrize('error', [ValueError('in it'), KeyboardInterrupt(), SystemExit(3)],
                         ids=lambda error: type(error).__name__)
def test_failure(error, capfd):
    """Whatever the function raises is printed, and the failure returned."""
    def fail():
        raise error

    assert -1 == guarded(fail, -1)()
    said = capfd.readouterr().err
    assert said.startswith('Exception ignored in a callback of OpenSSL:\n')
    assert 'Traceback' in said and type(error).__name__ in said


def test_unprintable(monkeypatch):
    """Where nothing can be printed the failure is returned all the same."""
    class Closed(object):
        def write(self, text):
            raise IOError('closed')

    monkeypatch.setattr(sys, 'stderr', Closed())
    assert -1 == guarded(lambda: 1 // 0, -1)()
