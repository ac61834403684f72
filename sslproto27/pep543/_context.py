"""
PEP 543's contexts, whatever makes of a configuration what a TLS library wants. None is named here.
"""
from __future__ import absolute_import, division, print_function

import six

from ._buffer import Buffer
from ._interfaces import ClientContext, ServerContext

__all__ = ['PipeClientContext', 'PipeServerContext']

#: How many configurations that sni_callback has returned a context remembers.
_REMEMBERED = 100


class PipeClientContext(ClientContext):
    """
    Makes clients' connections, of pipes.

    A backend's own has `_new_native`, from (configuration, server_side) to what its pipes take as
    context, and `_new_pipe`, called like `SSLPipe`.

    Args:
        configuration (TLSConfiguration): what is wanted; sni_callback is ignored.

    Raises:
        TypeError, TLSError: as ClientContext says.
    """

    __slots__ = ('_configuration', '_native')

    _new_native = _new_pipe = None

    def __init__(self, configuration):
        self._native = self._new_native(configuration, server_side=False)
        self._configuration = configuration

    @property
    def configuration(self):
        """The `TLSConfiguration` that this context was made of."""
        return self._configuration

    def wrap_buffers(self, server_hostname):
        """See ClientContext."""
        if not (server_hostname is None or isinstance(server_hostname, (bytes, six.text_type))):
            raise TypeError('server_hostname must be text, not %s' % type(server_hostname).__name__)

        def connect(configuration):
            return self._new_pipe(self._native, server_hostname=server_hostname,
                                  check_name=False if server_hostname is None else None)
        return Buffer(self, connect)


class PipeServerContext(ServerContext):
    """
    Makes servers' connections, of pipes; for a backend's own see `PipeClientContext`.

    Clients have to prove who they are if the configuration has a trust_store and validates. Without
    a certificate_chain, the sni_callback's or its own, it refuses every client.

    Args:
        configuration (TLSConfiguration): what is wanted.

    Raises:
        TypeError, TLSError: as ServerContext says.
    """

    __slots__ = ('_configuration', '_natives')

    _new_native = _new_pipe = None

    def __init__(self, configuration):
        self._natives = {configuration: self._new_native(configuration, server_side=True)}
        self._configuration = configuration

    @property
    def configuration(self):
        """The `TLSConfiguration` that this context was made of."""
        return self._configuration

    def wrap_buffers(self):
        """See ServerContext."""
        callback = self._configuration.sni_callback
        if callback is None and self._configuration.certificate_chain is None:
            callback = _unchanged  # the buffer refuses what is chosen without a certificate
        return Buffer(self, self._connect, callback)

    def _connect(self, configuration):
        native = self._natives.get(configuration)
        if native is None:
            native = self._new_native(configuration, server_side=True)
            if len(self._natives) > _REMEMBERED:
                self._natives = {self._configuration: self._natives[self._configuration]}
            self._natives[configuration] = native
        return self._new_pipe(native, server_side=True)


def _unchanged(buffer, name, configuration):
    return configuration
