"""Flow control for outgoing data: pauses and resumes producers. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ['PullProducer', 'Throttle']


@implementer(IPushProducer)
class Throttle(object):
    """
    The producer that a TLS connection registers with the transport below.

    The connection cannot be that producer itself: it is already the producer of received data.
    """

    __slots__ = ('_tls',)

    def __init__(self, tls):
        self._tls = tls

    def pauseProducing(self):
        """Pause: too much data waits in the transport below."""
        self._tls.pause_sending()

    def resumeProducing(self):
        """Resume: the transport below has sent it."""
        self._tls.resume_sending()

    def stopProducing(self):
        """Do nothing: the connection learns of the loss in another way."""


@implementer(IPushProducer)
class PullProducer(object):
    """
    Makes a push producer of a pull producer: asks it for more data in each turn of the reactor.

    Args:
        producer (IPullProducer): the application's.
        call_later (callable): takes a delay and a function.
        can_write (callable): returns whether there is still a use for data; once there is none, the
            producer is not asked again.
        failed (callable): takes the Failure of a producer that raised; it is not asked again.
    """

    def __init__(self, producer, call_later, can_write, failed):
        self._producer = producer
        self._call_later = call_later
        self._can_write = can_write
        self._failed = failed
        self._call = None

    def resumeProducing(self):
        """Ask for data, from the next turn on."""
        if self._call is None:
            self._call = self._call_later(0, self._pull)

    def _pull(self):
        self._call = None
        if not self._can_write():
            return
        self._call = self._call_later(0, self._pull)
        try:
            self._producer.resumeProducing()
        except Exception:
            self.pauseProducing()
            self._failed(Failure())

    def pauseProducing(self):
        """Ask for no data until `resumeProducing`."""
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()

    def stopProducing(self):
        """Tell the producer to stop for good."""
        self.pauseProducing()
        self._producer.stopProducing()
