"""
Do what ``run`` asks for, then import the interpreter's own sitecustomize.

Python imports this before the program. A failure here must end the process, because the program
would run unpatched.
"""
from __future__ import absolute_import, division, print_function

import os
import sys


def _begin():
    before = set(sys.modules)
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]
    # The package is three folders up; the program's own sys.path may not have it.
    package = os.path.dirname(os.path.dirname(os.path.dirname(here)))
    sys.path.insert(0, package)
    try:
        from sslproto27._cli.hook import begin
    finally:
        sys.path.remove(package)
    begin(before)


def _go_on():
    own = sys.modules.pop('sitecustomize')
    try:
        __import__('sitecustomize')
    except ImportError as error:
        if not str(error).endswith('sitecustomize'):
            raise
    finally:
        sys.modules.setdefault('sitecustomize', own)


if __name__ == 'sitecustomize':  # otherwise another tool has only imported it
    try:
        _begin()
    except Exception as failure:
        try:
            sys.stderr.write('sslproto27: %s\n' % failure)
            sys.stderr.flush()
        finally:
            os._exit(1)
    _go_on()
