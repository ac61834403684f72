"""Certificates for servers of the command line: a temporary authority, made by trustme."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import shutil
import tempfile
import warnings

import six

from .addresses import host_name
from .console import UserError

__all__ = ['temporary_authority']


@contextlib.contextmanager
def temporary_authority(names):
    """
    Make an authority and a certificate for a server, in files that are removed afterwards.

    Args:
        names (sequence of text): host names and IP addresses.

    Returns:
        a context manager, of (the authority's certificate, the server's key and chain): paths.

    Raises:
        UserError: trustme is missing, or a name cannot be used.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # its cryptography says that 2.7 has had its day
            import trustme
    except ImportError as error:
        raise UserError('without --cert a certificate is made by trustme: %s; pip install trustme',
                        error)
    folder = tempfile.mkdtemp(prefix='sslproto27-')
    try:
        trusted, own = os.path.join(folder, 'ca.pem'), os.path.join(folder, 'server.pem')
        authority = trustme.CA()
        authority.cert_pem.write_to_path(trusted)
        try:
            issued = authority.issue_cert(*[
                six.text_type(host_name('--name', name)) for name in names])
        except ValueError as error:
            raise UserError('--name: %s', error)
        issued.private_key_and_cert_chain_pem.write_to_path(own)
        os.chmod(own, 0o600)  # the folder keeps others out in any case
        yield trusted, own
    finally:
        shutil.rmtree(folder)
