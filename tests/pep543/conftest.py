"""Fixtures for the tests of PEP 543: each backend's contexts, and connected buffers."""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support.buffers import BACKENDS, VERSIONS, BufferPair, Material, backend_called


@pytest.fixture(params=BACKENDS)
def backend(request):
    """Each backend in turn."""
    return backend_called(request.param)


@pytest.fixture
def material(pki, backend):
    """Certificates and contexts of the backend."""
    return Material(pki, backend)


@pytest.fixture
def only(tls_version):
    """The settings of a configuration that allows one version of TLS alone: each in turn."""
    version = VERSIONS[tls_version]
    return dict(lowest_supported_version=version, highest_supported_version=version)


@pytest.fixture
def pair(material, only):
    """Two buffers, their hands shaken, of one version of TLS."""
    return BufferPair(material.client(**only), material.server(**only)).handshake()
