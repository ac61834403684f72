"""
What the API of a socket has besides moving bytes over a stream. Nothing here reads or writes.
"""
from __future__ import absolute_import, division, print_function

from .._socketface import LowerFace, of_lower

__all__ = ['StreamFace']


def _without_streams(name):
    """Return a method that makes no sense on a stream, or would get past TLS."""
    def method(self, *args, **kwargs):
        raise NotImplementedError('%s is not possible on a TLS socket' % name)
    method.__name__ = name
    method.__doc__ = 'Raise NotImplementedError.'
    return method


class StreamFace(LowerFace):
    """The rest of a `TLSWrappedSocket`, which has the socket below as ``_lower``."""

    bind = of_lower('bind')
    connect = of_lower('connect')
    connect_ex = of_lower('connect_ex')
    get_inheritable = of_lower('get_inheritable')
    getblocking = of_lower('getblocking')
    ioctl = of_lower('ioctl')
    listen = of_lower('listen')
    set_inheritable = of_lower('set_inheritable')

    detach = _without_streams('detach')
    dup = _without_streams('dup')
    recvfrom = _without_streams('recvfrom')
    recvfrom_into = _without_streams('recvfrom_into')
    recvmsg = _without_streams('recvmsg')
    recvmsg_into = _without_streams('recvmsg_into')
    sendmsg = _without_streams('sendmsg')
    sendmsg_afalg = _without_streams('sendmsg_afalg')
    sendto = _without_streams('sendto')
    share = _without_streams('share')

    @property
    def proto(self):
        """The protocol of the socket below (int)."""
        return self._lower.proto

    @property
    def timeout(self):
        """How long the socket below waits, in seconds; None for ever."""
        return self._lower.gettimeout()
