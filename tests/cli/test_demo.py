"""``demo``: what it says where it cannot run."""
from __future__ import absolute_import, division, print_function

import threading

import pytest

from tests.support.commands import fails_here
from tests.support.memory import only_python2

pytestmark = only_python2  # Trollius runs on 2.7 alone


def test_no_thread(monkeypatch, capsys):
    """Where no thread can be started that is one line."""
    pytest.importorskip('trollius', reason='demo is a server of it')
    pytest.importorskip('trustme', reason='it makes the certificate')
    from sslproto27._cli import demonstration

    def run():
        raise threading.ThreadError("can't start new thread")

    monkeypatch.setattr(demonstration, 'run', run)
    assert "demo: can't start new thread" == fails_here(capsys, 'demo')


@pytest.mark.parametrize('name', ['trollius', 'trustme'])
def test_missing(run_python, name):
    """Where one of the packages is not there it says how to get both."""
    finished = run_python('''
import sys
sys.modules[%r] = None
from sslproto27.__main__ import main
sys.exit(main(['demo']))
''' % name)
    assert (1, '', 'sslproto27: demo needs Trollius and trustme: No module named %s; pip install '
            'trollius trustme\n' % name) == finished
