"""
Start a program, which knows nothing of sslproto27, as ``python PROGRAM`` would.

    launch.py MARKS ADAPTERS GREEN ORDER PROGRAM ARGUMENTS...

Args:
    MARKS: a file. Each process that makes a TLS object of sslproto27 puts a line into it, once.
    ADAPTERS: what is installed, of 'tornado', 'trollius', 'urllib3', separated by commas; '-' for
        nothing: then sslproto27 is not even imported.
    GREEN, ORDER: 'gevent' or 'eventlet', which patches the standard library 'first' or 'last';
        '-' for neither.
    PROGRAM: a file, or -m and a module.
"""
from __future__ import absolute_import, division, print_function

import importlib
import os
import runpy
import sys


def install(adapters, marks):
    """Put sslproto27 in force, and let *marks* show where it is used."""
    import sslproto27
    from sslproto27 import SSLObject
    sslproto27.install()
    for name in adapters.split(','):
        module = importlib.import_module('sslproto27.' + name)
        (module.inject_into_urllib3 if name == 'urllib3' else module.install)()

    make = SSLObject._create.__func__
    marked = set()

    def create(cls, *args, **kwargs):
        if os.getpid() not in marked:  # gunicorn's workers are forks
            marked.add(os.getpid())
            with open(marks, 'a') as file:
                file.write('%d\n' % os.getpid())
        return make(cls, *args, **kwargs)
    SSLObject._create = classmethod(create)


def patch(green):
    """Do what an application does first of all that is to run on green threads."""
    if green == 'gevent':
        from gevent import monkey
        monkey.patch_all()
    elif green == 'eventlet':
        import eventlet
        eventlet.monkey_patch()


def main():
    """Do as said above."""
    marks, adapters, green, order = sys.argv[1:5]
    sys.argv[:5] = []
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    if order == 'first':
        patch(green)
    if adapters != '-':
        install(adapters, marks)
    if order == 'last':
        patch(green)
    if sys.argv[0] == '-m':
        sys.path[0] = ''
        del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name='__main__')


if __name__ == '__main__':
    main()
