"""
Certificates from memory, for what takes only names of files.

Python 3's ``load_cert_chain`` does, 3.13's too. So what is in memory is given a name: of a file in
memory, memfd_create(2), or else of a pipe whose other end a thread fills. Nothing touches a disk.
This needs a system that has ``/dev/fd``, as Linux, macOS and the BSDs do.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import errno
import os
import threading

from ._errors import tls_error

__all__ = ['load_chain', 'named']


def load_chain(context, certificates, key, password):
    """
    Let *context* prove who it is.

    Args:
        context (ssl.SSLContext): the context.
        certificates (bytes): PEM, the leaf first.
        key (bytes): PEM.
        password: as ``load_cert_chain`` takes it.

    Raises:
        ssl.SSLError: they cannot be read, or do not belong together.
        EnvironmentError: the system has no names for pipes.
    """
    if hasattr(context, 'load_cert_chain_pem'):  # ours, on 2.7
        context.load_cert_chain_pem(certificates, key, password)
        return
    with named(certificates) as certificates_name, named(key) as key_name:
        try:
            context.load_cert_chain(certificates_name, key_name, password)
        except EnvironmentError as error:
            if error.errno != errno.ESPIPE:
                raise
            # What OpenSSL says is lost: Python looks at errno first, which a pipe has set.
            raise tls_error('the certificates and the private key cannot be read, or do not belong '
                            'together')


def named(data):
    """Give, as a context manager, a name of a file from which *data* (bytes) can be read, once."""
    return _memory_file(data) if hasattr(os, 'memfd_create') else _pipe(data)


@contextlib.contextmanager
def _memory_file(data):
    descriptor = os.memfd_create('sslproto27')
    try:
        _write(descriptor, data)
        yield '/dev/fd/%d' % descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _pipe(data):
    reading, writing = os.pipe()
    # More than a pipe holds would wait for a reader: so somebody else writes.
    writer = threading.Thread(target=_fill, args=(writing, data))
    writer.daemon = True
    writer.start()
    try:
        yield '/dev/fd/%d' % reading
    finally:
        os.close(reading)
        writer.join()


def _fill(descriptor, data):
    try:
        _write(descriptor, data)
    except OSError as error:
        if error.errno != errno.EPIPE:  # who reads has seen enough, and says what of
            raise
    finally:
        os.close(descriptor)


def _write(descriptor, data):
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view):]
