"""
PEP 543's contexts, for any backend. Nothing here knows any TLS library.
"""
from __future__ import absolute_import, division, print_function

from ._buffer import Buffer
from ._interfaces import ClientContext, ServerContext

__all__ = ['PipeClientContext', 'PipeServerContext']

#: How many of the configurations returned by sni_callback a context remembers.
_REMEMBERED = 100


class PipeClientContext(ClientContext):
    """
    Makes clients' connections from pipes.

    A backend's subclass sets `_new_native`, which takes (configuration, server_side) and returns
    its pipes' context, and `_new_pipe`, which is called like `SSLPipe`.

    Args:
        configuration (TLSConfiguration): the settings; sni_callback is ignored.

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
        """The `TLSConfiguration` from which this context was made."""
        return self._configuration

    def wrap_buffers(self, server_hostname):
        """See ClientContext."""
        def connect(configuration):
            return self._new_pipe(self._native, server_hostname=server_hostname,
                                  check_name=False if server_hostname is None else None)
        return Buffer(self, connect)


class PipeServerContext(ServerContext):
    """
    Makes servers' connections from pipes; for a backend's subclass see `PipeClientContext`.

    Clients must prove their identity if the configuration has a trust_store and validates. All are
    refused if neither the configuration nor the sni_callback's choice has a certificate_chain.

    Args:
        configuration (TLSConfiguration): the settings.

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
        """The `TLSConfiguration` from which this context was made."""
        return self._configuration

    def wrap_buffers(self):
        """See ServerContext."""
        callback = self._configuration.sni_callback
        if callback is None and self._configuration.certificate_chain is None:
            callback = _unchanged  # the buffer refuses a configuration without a certificate
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
