"""
Sessions of requests whose TLS is ours.

Import this before requests: where it is not installed, the test module is skipped.
"""
from __future__ import absolute_import, division, print_function

import contextlib

import pytest

pytest.importorskip('requests', reason='requests is not installed')
pytest.importorskip('urllib3', minversion='1.26', reason='urllib3 1.26 is not installed')

import requests  # noqa: E402

import sslproto27.requests  # noqa: E402
import sslproto27.urllib3  # noqa: E402

__all__ = ['injection', 'new_session', 'pattern']


@contextlib.contextmanager
def injection(**kwargs):
    """Have sslproto27 injected into urllib3."""
    sslproto27.urllib3.inject_into_urllib3(**kwargs)
    try:
        yield
    finally:
        sslproto27.urllib3.extract_from_urllib3()


@contextlib.contextmanager
def new_session(way, pki, **kwargs):
    """Give a session that trusts the test authority, and whose TLS is ours."""
    with contextlib.closing(requests.Session()) as session:
        session.trust_env = False
        session.verify = pki.path('ca')
        if way == 'adapter':
            session.mount('https://', sslproto27.requests.SSLAdapter(**kwargs))
            yield session
        else:
            with injection(**kwargs):
                yield session


def pattern(size):
    """Return the body of that many bytes."""
    return (b'0123456789abcdef' * (size // 16 + 1))[:size]
