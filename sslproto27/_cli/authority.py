"""A temporary certificate authority for the command line's servers, made by trustme."""
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
    Make an authority and a server certificate, in files that are removed afterwards.

    Args:
        names (sequence of text): host names and IP addresses.

    Returns:
        a context manager that gives the paths (authority's certificate, server's key and chain).

    Raises:
        UserError: trustme is missing, or a name cannot be used.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # trustme's cryptography warns that 2.7 is obsolete
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
        os.chmod(own, 0o600)  # others cannot open the folder in any case
        yield trusted, own
    finally:
        shutil.rmtree(folder)
