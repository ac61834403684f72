"""A temporary certificate authority for the command line's servers, made by trustme."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import warnings

import six

from .addresses import host_name
from .console import UsageError, UserError
from .folders import temporary_folder

__all__ = ['temporary_authority']


@contextlib.contextmanager
def temporary_authority(names, load):
    """
    Make an authority and a server certificate. The authority's file is removed in the end.

    Args:
        names (sequence of text): host names and IP addresses.
        load (callable): called with the path of a file with the server's key and chain, which
            is removed right after.

    Returns:
        a context manager that gives (path of the authority's certificate, result of *load*).

    Raises:
        UsageError: a name cannot be used.
        UserError: trustme is missing, or files cannot be written.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # trustme's cryptography warns that 2.7 is obsolete
            import trustme
    except ImportError as error:
        raise UserError('without --cert, trustme is needed to make a certificate: %s;'
                        ' pip install trustme', error)
    with temporary_folder() as folder:
        trusted, own = os.path.join(folder, 'ca.pem'), os.path.join(folder, 'server.pem')
        authority = trustme.CA()
        try:
            issued = authority.issue_cert(*[
                six.text_type(host_name('--name', name)) for name in names])
        except ValueError as error:
            raise UsageError('--name: %s', error)
        try:
            authority.cert_pem.write_to_path(trusted)
            issued.private_key_and_cert_chain_pem.write_to_path(own)
        except EnvironmentError as error:
            raise UserError('%s: %s', folder, error)
        loaded = load(own)
        os.remove(own)  # if the process is killed, the folder stays
        yield trusted, loaded
