"""``python -m sslproto27`` in a child process, bounded in time, with or without a terminal."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import pty
import socket
import ssl
import subprocess
import sys
import threading

import pytest

from sslproto27.__main__ import main
from sslproto27._core.compat import PYPY
from tests.support.engines import pass_on
from tests.support.memory import PY2
from tests.support.peers import serving
from tests.support.programs import ROOT, environment, running

__all__ = ['INSTALLED', 'PATIENCE', 'Screen', 'command', 'facts', 'fails', 'fails_here',
           'is_strict', 'on_terminal', 'refusing_server', 'run', 'shows_chains', 'started',
           'starts_programs']

PATIENCE = 30

#: ``sslproto27 run``: with -m, Python would look into the current folder first, for us too.
INSTALLED = ['-c', 'import sys; sys.path.remove(""); import sslproto27.__main__ as it;'
             ' sys.exit(it.main())', 'run']

#: Python 3's ssl shows the chain of a connection, or of one that failed, from 3.13 on.
shows_chains = PY2 or sys.version_info >= (3, 13)

#: Certificates that stray from RFC 5280 in form are refused from there on, by OpenSSL 3.
is_strict = shows_chains and ssl.OPENSSL_VERSION_INFO >= (3,)

#: Marks tests that start a program each; the engine below these is tested on PyPy by itself.
starts_programs = pytest.mark.skipif(
    PYPY, reason='PyPy takes half a second to start each of a hundred programs')


@contextlib.contextmanager
def started(*arguments, **kwargs):
    """Start a command, its standard input a pipe; see `programs.running`."""
    with running(('-m', 'sslproto27') + arguments, PATIENCE, stdin=subprocess.PIPE,
                 **kwargs) as process:
        try:
            yield process
        finally:
            process.stdin.close()


def command(*arguments, **kwargs):
    """Run a command; *input* (str) is its standard input. Return (status, stdout, stderr)."""
    text = kwargs.pop('input', '')
    with started(*arguments, **kwargs) as process:
        stdout, stderr = process.communicate(text)
        return process.returncode, stdout, pass_on(stderr)


def fails(*arguments, **kwargs):
    """Return the one line that a command says on standard error when it ends in status 1."""
    status, stdout, stderr = command(*arguments, **kwargs)
    assert (1, '') == (status, stdout), stderr
    assert stderr.startswith('sslproto27: ') and stderr.count('\n') == 1, stderr
    return stderr[len('sslproto27: '):].rstrip('\n')


def fails_here(capsys, *arguments, **kwargs):
    """Do as `fails`, in this process: quicker where nothing is served; *status* may be another."""
    status = main(list(arguments))
    stdout, stderr = capsys.readouterr()
    pass_on(stderr)
    assert (kwargs.pop('status', 1), '') == (status, stdout), stderr
    assert stderr.startswith('sslproto27: ') and stderr.count('\n') == 1, stderr
    return stderr[len('sslproto27: '):].rstrip('\n')


@contextlib.contextmanager
def _terminal():
    master, slave = pty.openpty()
    try:
        yield master, slave
    finally:
        for descriptor in (master, slave):
            try:
                os.close(descriptor)
            except OSError:
                pass


def on_terminal(*arguments, **variables):
    """
    Run a command whose three streams are a terminal, where a person types the end of the input.

    Args:
        *arguments (str): the command's.
        **variables (str): of its environment.

    Returns:
        (int, bytes): its status, and what the terminal got.
    """
    child = dict(environment(), TERM='xterm')
    child.pop('NO_COLOR', None)
    child.update(variables)
    with _terminal() as (master, slave):
        process = subprocess.Popen(
            (sys.executable, '-m', 'sslproto27') + arguments, cwd=ROOT, stdin=slave, stdout=slave,
            stderr=slave, close_fds=True, env=child)
        os.close(slave)
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        try:
            os.write(master, b'\x04')
            shown = b''
            while True:
                try:
                    data = os.read(master, 4096)
                except OSError:  # EIO: nobody has the terminal open any more
                    break
                if not data:
                    break
                shown += data
            return process.wait(), shown
        finally:
            watchdog.cancel()
            watchdog.join()


class Screen(object):
    """A stream that keeps what is written, as text."""

    encoding = 'ascii'

    def __init__(self, is_terminal=False):
        self._is_terminal = is_terminal
        self.shown = u''

    def isatty(self):
        return self._is_terminal

    def write(self, data):
        self.shown += data.decode('ascii') if isinstance(data, bytes) else data

    def flush(self):
        pass


@contextlib.contextmanager
def refusing_server(context):
    """Serve clients that must go away before they send anything; give what to connect to."""
    def handle(sock):
        try:
            secure = context.wrap_socket(sock, server_side=True)
        except (ssl.SSLError, socket.error):
            return
        try:
            data = secure.recv(1)
        except (ssl.SSLError, socket.error):
            data = b''
        finally:
            secure.close()
        assert data == b''

    with serving(handle) as port:
        yield 'localhost:%d' % port


def facts(stderr):
    """Return the facts that `connect` prints, a dict, and the tree of certificates, lines."""
    lines = stderr.split('\n\n')
    return dict(line.split(None, 1) for line in lines[0].splitlines()), lines[1].splitlines()


def run(*arguments, **kwargs):
    """Return (status, stdout, stderr) of a program that ``run`` starts."""
    return command('run', *arguments, **kwargs)
