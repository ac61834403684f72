"""Programs that the tests start, and end. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import signal
import subprocess
import sys
import threading

from tests.support.engines import pass_on

__all__ = ['ROOT', 'child', 'environment', 'finish', 'running']

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def environment():
    """Return the environment of a child of this interpreter that can import sslproto27."""
    return dict(os.environ, PYTHONPATH=os.pathsep.join(
        [ROOT] + [path for path in [os.environ.get('PYTHONPATH')] if path]))


def _heed_interrupts():
    # Where the tests run in the background, SIGINT is ignored, which children inherit.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def child(command, patience=60, **kwargs):
    """
    Run a program until the block ends, or *patience* in seconds.

    Args:
        command (list of str): the program and its arguments.
        **kwargs: for subprocess.Popen, besides or instead of what is set here.
    """
    options = dict(env=environment(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                   universal_newlines=True, preexec_fn=_heed_interrupts)
    options.update(kwargs)
    process = subprocess.Popen(command, **options)
    watchdog = threading.Timer(patience, process.kill)
    watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        watchdog.join()
        if process.poll() is None:
            process.kill()
        for stream in (process.stdout, process.stderr):
            if stream is not None and not stream.closed:
                stream.read()
                stream.close()
        process.wait()


def running(arguments, patience=60, **kwargs):
    """Run this interpreter with *arguments*; see `child`."""
    return child([sys.executable] + list(arguments), patience, **kwargs)


def finish(arguments, **kwargs):
    """Run this interpreter with *arguments* to its end; return (exit status, stdout, stderr)."""
    with running(arguments, **kwargs) as process:
        stdout, stderr = process.communicate()
        pass_on(stderr)
        return process.returncode, stdout, stderr
