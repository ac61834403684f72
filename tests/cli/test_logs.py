"""What is logged while a command runs."""
from __future__ import absolute_import, division, print_function

import warnings

import pytest

from sslproto27._cli.logs import log_to_console
from tests.support.commands import starts_programs
from tests.support.programs import running

pytestmark = starts_programs


def test_library_is_silent(run_python):
    """Without a handler of the application's warnings go nowhere, and nothing is said of that."""
    status, stdout, stderr = run_python(
        'import logging, sslproto27\n'
        'logging.getLogger("sslproto27").warning("lost")')
    assert (0, '', '') == (status, stdout, stderr)


@pytest.mark.parametrize('quiet, said', [
    (False, 'sslproto27: first\\x0asecond\n'), (True, '')])
def test_warnings(capfd, quiet, said):
    """A warning is a line of its own, without a place in the code; --quiet leaves it out."""
    with warnings.catch_warnings():
        warnings.simplefilter('always')
        before = warnings.showwarning
        with log_to_console(quiet=quiet):
            warnings.warn('first\nsecond', RuntimeWarning)
        assert (('', said), before) == (capfd.readouterr(), warnings.showwarning)


def test_commands_log():
    """What is logged while a command runs is a line of its own."""
    script = ('import logging, sys\nfrom sslproto27.__main__ import main\n'
              'from sslproto27._cli import info\n'
              'def run(arguments):\n'
              '    try:\n        raise ValueError("no")\n'
              '    except ValueError:\n'
              '        logging.getLogger("sslproto27").warning("%s\\n", "first")\n'
              '        logging.getLogger("trollius").error("second", exc_info=True)\n'
              '        logging.getLogger("sslproto27").info("third")\n'
              'info.run = run\n'
              'sys.exit(main(["info"]))')
    with running(['-c', script]) as process:
        assert ('', 'sslproto27: first\\x0a\nsslproto27: second: no\n') == process.communicate()
