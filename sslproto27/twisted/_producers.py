"""Flow control the way down: who is asked to pause. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ['PullProducer', 'Throttle']


@implementer(IPushProducer)
class Throttle(object):
    """
    What the transport below knows a TLS connection by, as the producer of what it sends.

    The connection itself is a producer too, of what it receives, so it cannot be this one.
    """

    __slots__ = ('_tls',)

    def __init__(self, tls):
        self._tls = tls

    def pauseProducing(self):
        """The transport below has too much to send."""
        self._tls.pause_sending()

    def resumeProducing(self):
        """It has sent it."""
        self._tls.resume_sending()

    def stopProducing(self):
        """It is lost; the connection is told so in another way."""


@implementer(IPushProducer)
class PullProducer(object):
    """
    A pull producer as a push producer: it is asked for more in each turn of the reactor.

    Args:
        producer (IPullProducer): the application's.
        call_later (callable): is given a delay and a function.
        failed (callable): is given the Failure of a producer that raises: it is not asked again.
    """

    def __init__(self, producer, call_later, failed):
        self._producer = producer
        self._call_later = call_later
        self._failed = failed
        self._call = None

    def resumeProducing(self):
        """Ask for more, from the next turn on."""
        if self._call is None:
            self._call = self._call_later(0, self._pull)

    def _pull(self):
        self._call = self._call_later(0, self._pull)
        try:
            self._producer.resumeProducing()
        except Exception:
            self.pauseProducing()
            self._failed(Failure())

    def pauseProducing(self):
        """Ask for no more, for now."""
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()

    def stopProducing(self):
        """Tell the producer that nothing more is wanted."""
        self.pauseProducing()
        self._producer.stopProducing()
