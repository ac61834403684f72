"""Run a program on the stock interpreter, and with sslproto27 in force; nothing here does TLS."""
from __future__ import absolute_import, division, print_function

import collections
import os
import subprocess
import sys
import tempfile

__all__ = ['Outcome', 'PROGRAMS', 'command', 'environment', 'run', 'was_used']

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, 'programs')

#: What a program did: its exit code, the lines of stdout, and stderr.
Outcome = collections.namedtuple('Outcome', ['code', 'lines', 'errors'])


def command(marks, adapters, program, arguments=(), green='-', order='-'):
    """Return the command that starts *program*, see launch.py; *adapters* is '-' for the stock."""
    module = program.startswith('-m ')
    return ([sys.executable, os.path.join(HERE, 'launch.py'), marks, adapters, green, order]
            + (program.split() if module else [os.path.join(PROGRAMS, program)])
            + [str(one) for one in arguments])


def environment(**values):
    """Return this process's environment, without proxies, which no server here is behind."""
    kept = {name: value for name, value in os.environ.items()
            if not name.lower().endswith('_proxy') and name != 'REQUESTS_CA_BUNDLE'}
    return dict(kept, PYTHONWARNINGS='ignore', **values)


def run(adapters, program, arguments=(), cwd=None, green='-', order='-', **values):
    """Run *program* to its end; return its `Outcome`, and whether a TLS object was ours (bool)."""
    with tempfile.NamedTemporaryFile() as marks:
        child = subprocess.Popen(
            command(marks.name, adapters, program, arguments, green, order), cwd=cwd,
            env=environment(**values), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = child.communicate()
        return (Outcome(child.returncode, output.decode('utf-8').splitlines(),
                        errors.decode('utf-8')), was_used(marks.name))


def was_used(marks):
    """Return whether a process has made a TLS object of ours (bool)."""
    return os.path.getsize(marks) > 0
