"""
Loads certificates from memory through functions that accept only file names.

Python 3's ``load_cert_chain`` is one, still in 3.13. So we give the data a file name: of a file in
memory, memfd_create(2), or else of a pipe that a thread fills. Nothing touches a disk. The system
must have ``/dev/fd``, as Linux, macOS and the BSDs do.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import errno
import os
import threading

from .._core.descriptors import above_standard
from ._errors import tls_error

__all__ = ['load_chain', 'named']


def load_chain(context, certificates, key, password):
    """
    Load a certificate chain and its private key into *context*.

    Args:
        context (ssl.SSLContext): the context.
        certificates (bytes): PEM, the leaf first.
        key (bytes): PEM.
        password: as for ``load_cert_chain``.

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
            # OpenSSL's error is lost: Python looks first at errno, which the pipe has set.
            raise tls_error('the certificates and the private key cannot be read, or do not belong '
                            'together')


def named(data):
    """Return a context manager that gives a file name from which *data* can be read, once."""
    return _memory_file(data) if hasattr(os, 'memfd_create') else _pipe(data)


@contextlib.contextmanager
def _memory_file(data):
    descriptor = above_standard(os.memfd_create('sslproto27'))
    try:
        _write(descriptor, data)
        yield '/dev/fd/%d' % descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _pipe(data):
    reading, writing = [above_standard(end) for end in os.pipe()]
    # Writing more than a pipe holds waits for a reader, so another thread writes.
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
        if error.errno != errno.EPIPE:  # the reader has stopped early, and reports why
            raise
    finally:
        os.close(descriptor)


def _write(descriptor, data):
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view):]
