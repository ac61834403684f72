"""How a pipe ends: close_notify, EOF, and plaintext again."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import SSLCertVerificationError, SSLPipe
from sslproto27._core.pipe_states import (
    BROKEN, CLOSED, CLOSING, FINISHING, HANDSHAKE, PEER_CLOSED, PLAINTEXT)
from tests.support.memory import raised
from tests.support.pipe_pairs import GARBAGE, PipePair, attempt, carry, pattern, record_types, talk

EOF_FACTS = (ssl.SSLEOFError, ssl.SSL_ERROR_EOF)


@pytest.fixture
def server_context(pki, tls_version):
    """A server's context of one TLS version, whose key makes for quick handshakes."""
    return pki.server_context('ecdsa', version=tls_version)


class TestClosing(object):
    def test_we_first(self, pipes, ours, split):
        """Our close_notify makes the peer PEER_CLOSED, its answer closes both."""
        us, peer = pipes.sides(ours)
        us.shutdown()
        carry(us, peer, split)
        assert (CLOSING, PEER_CLOSED) == (us.state, peer.state)
        peer.shutdown()
        carry(peer, us, split)
        assert (CLOSED, CLOSED) == (us.state, peer.state)
        assert (b'', b'') == (us.data_to_send(), peer.data_to_send())

    def test_crossing(self, pipes, split):
        """When both close before either knows, both end CLOSED."""
        pipes.client.shutdown()
        pipes.server.shutdown()
        to_server, to_client = pipes.client.data_to_send(), pipes.server.data_to_send()
        for piece in split(to_client):
            pipes.client.feed_ssldata(piece)
        for piece in split(to_server):
            pipes.server.feed_ssldata(piece)
        assert (CLOSED, CLOSED) == (pipes.client.state, pipes.server.state)
        assert (b'', b'') == (pipes.client.data_to_send(), pipes.server.data_to_send())

    def test_one_close_notify(self, pipes):
        """close_notify is one record, and sent once."""
        pipes.client.shutdown()
        assert 1 == len(record_types(pipes.client.data_to_send()))
        assert b'' == pipes.client.data_to_send()

    @pytest.mark.parametrize('size', [1, 100000])
    def test_backlog_comes_first(self, pipes, ours, size):
        """All that was fed before shutdown arrives, then close_notify."""
        us, peer = pipes.sides(ours)
        us.feed_appdata(pattern(size))
        us.shutdown()
        carry(us, peer)
        assert (PEER_CLOSED, pattern(size)) == (peer.state, peer.appdata_received())

    def test_not_in_the_handshake(self, new_pair, ours):
        """In the handshake it raises, and what has been fed still arrives once that is done."""
        pair = new_pair()
        us, peer = pair.sides(ours)
        pair.start()
        us.feed_appdata(b'data')
        error = raised(us.shutdown)
        assert (RuntimeError, True) == (type(error), HANDSHAKE in str(error))
        pair.pump()
        us.shutdown()
        carry(us, peer)
        assert (PEER_CLOSED, b'data') == (peer.state, peer.appdata_received())

    def test_backlog_after_peer_closed(self, pipes, ours):
        """What was fed before the peer's close_notify came still goes to it, then ours."""
        us, peer = pipes.sides(ours)
        us.feed_appdata(pattern(100000))
        peer.shutdown()
        carry(peer, us)
        us.shutdown()
        carry(us, peer)
        assert (CLOSED, CLOSED, pattern(100000)) == (us.state, peer.state, peer.appdata_received())

    def test_half_close(self, pipes, ours):
        """After the peer's close_notify we may go on writing, and it reads it."""
        us, peer = pipes.sides(ours)
        peer.shutdown()
        carry(peer, us)
        assert b'still here' == talk(us, peer, b'still here')
        assert (PEER_CLOSED, CLOSING) == (us.state, peer.state)
        us.shutdown()
        carry(us, peer)
        assert (CLOSED, CLOSED) == (us.state, peer.state)

    def test_data_in_flight(self, pipes, ours, split):
        """What the peer sends before it sees our close_notify is no error, and can be read."""
        us, peer = pipes.sides(ours)
        us.shutdown()
        closing = us.data_to_send()
        assert pattern(3000) == talk(peer, us, pattern(3000), split)
        assert b'more' == talk(peer, us, b'more', split)
        assert CLOSING is us.state
        peer.feed_ssldata(closing)
        peer.feed_appdata(b'end')
        peer.shutdown()
        carry(peer, us, split)
        assert (CLOSED, b'end') == (us.state, us.appdata_received())

    def test_shutdown_in_mid_record(self, pipes, ours):
        """Shutting down with half a record received neither fails nor loses that record."""
        us, peer = pipes.sides(ours)
        peer.feed_appdata(b'whole')
        data = peer.data_to_send()
        us.feed_ssldata(data[:12])
        us.shutdown()
        carry(us, peer)
        us.feed_ssldata(data[12:])
        assert (CLOSING, b'whole') == (us.state, us.appdata_received())
        peer.shutdown()
        carry(peer, us)
        assert CLOSED is us.state

    def test_tickets_after_shutdown(self, new_pair):
        """A client that closes at once is not upset by the session tickets that follow."""
        pair = new_pair().start()
        while pair.client.state is HANDSHAKE:
            carry(pair.client, pair.server)
            carry(pair.server, pair.client)
        carry(pair.client, pair.server)
        pair.client.shutdown()
        pair.pump()
        pair.server.shutdown()
        pair.pump()
        assert (CLOSED, CLOSED) == (pair.client.state, pair.server.state)

    def test_data_and_close_in_one_feed(self, pipes, ours):
        """Data that comes with close_notify in one feed is not lost."""
        us, peer = pipes.sides(ours)
        peer.feed_appdata(b'last words')
        peer.shutdown()
        carry(peer, us)
        assert (PEER_CLOSED, b'last words') == (us.state, us.appdata_received())

    def test_late_bytes(self, pipes, ours):
        """
        What follows the peer's close_notify is no TLS data of ours: it is neither read nor an
        error.
        """
        us, peer = pipes.sides(ours)
        peer.shutdown()
        us.feed_ssldata(peer.data_to_send() + GARBAGE)
        us.feed_ssldata(GARBAGE)
        assert (PEER_CLOSED, b'') == (us.state, us.appdata_received())


class TestEOF(object):
    def facts(self, pipe):
        """Return class and number of the error that EOF is."""
        error = raised(attempt, pipe.feed_eof)
        return type(error), error.args[0]

    def test_open(self, pipes, ours):
        """EOF without close_notify raises SSLEOFError, once."""
        us, _ = pipes.sides(ours)
        assert EOF_FACTS == self.facts(us)
        us.feed_eof()

    def test_mid_record(self, pipes, ours):
        """EOF in the middle of a record raises SSLEOFError; the records before it can be read."""
        us, peer = pipes.sides(ours)
        peer.feed_appdata(b'first')
        data = peer.data_to_send()
        peer.feed_appdata(b'second')
        us.feed_ssldata(data + peer.data_to_send()[:-1])
        assert EOF_FACTS == self.facts(us)
        assert b'first' == us.appdata_received()

    def test_handshake(self, new_pair, ours):
        """EOF in the handshake raises SSLEOFError and breaks the pipe."""
        pair = new_pair().start()
        us, _ = pair.sides(ours)
        carry(pair.client, pair.server)
        assert EOF_FACTS == self.facts(us)
        assert BROKEN is us.state

    def test_handshake_not_begun(self, new_pair, ours):
        """
        EOF before the first byte of the peer's handshake raises SSLEOFError and breaks the pipe.
        """
        us, _ = new_pair().start().sides(ours)
        assert EOF_FACTS == self.facts(us)
        assert BROKEN is us.state

    def test_closing(self, pipes, ours):
        """
        EOF instead of the peer's close_notify raises SSLEOFError: what it sent may have been cut.
        """
        us, _ = pipes.sides(ours)
        us.shutdown()
        us.data_to_send()
        assert EOF_FACTS == self.facts(us)
        us.data_to_send()
        assert CLOSED is us.state

    @pytest.mark.parametrize('order', ['eof first', 'shutdown first'])
    def test_closing_with_backlog(self, pipes, ours, order):
        """
        EOF instead of close_notify keeps nothing from going out: data, close_notify, and then we
        are CLOSED.
        """
        us, peer = pipes.sides(ours)
        us.feed_appdata(pattern(50000))
        if order == 'shutdown first':
            us.shutdown()
        assert EOF_FACTS == self.facts(us)
        if order == 'eof first':
            us.shutdown()
        carry(us, peer)
        assert (CLOSED, PEER_CLOSED, pattern(50000)) == (
            us.state, peer.state, peer.appdata_received())
        assert b'' == us.data_to_send()

    @pytest.mark.parametrize('state', [PEER_CLOSED, FINISHING, CLOSED, BROKEN])
    def test_none_after_the_end(self, reach, state):
        """EOF after the peer's close_notify, or after a failure, is no news."""
        pipe, _ = reach(state)
        pipe.feed_eof()
        assert state is pipe.state

    def test_none_after_close_notify_and_shutdown(self, pipes, ours):
        """
        EOF after the peer's close_notify is no error though we are closing and have not sent ours
        yet.
        """
        us, peer = pipes.sides(ours)
        peer.shutdown()
        carry(peer, us)
        us.feed_appdata(b'x')
        us.shutdown()
        us.feed_eof()
        carry(us, peer)
        assert (CLOSED, CLOSED, b'x') == (us.state, peer.state, peer.appdata_received())

    @pytest.mark.parametrize('suppress', [False, True])
    def test_write_after_ragged_eof(self, client_context, server_context, suppress):
        """
        After an EOF without close_notify, what is fed can still be sent, and then close_notify.
        """
        pair = PipePair(client_context, server_context, suppress_ragged_eofs=suppress).handshake()
        if suppress:
            pair.client.feed_eof()
        else:
            raised(attempt, pair.client.feed_eof)
        assert PEER_CLOSED is pair.client.state
        assert b'answer' == talk(pair.client, pair.server, b'answer')
        pair.client.feed_appdata(b'rest')
        pair.client.shutdown()
        carry(pair.client, pair.server)
        assert (PEER_CLOSED, b'rest') == (pair.server.state, pair.server.appdata_received())

    def test_suppressed(self, new_pair):
        """
        With suppress_ragged_eofs an EOF without close_notify is a clean end, whether open or
        closing.
        """
        pair = new_pair(suppress_ragged_eofs=True).handshake()
        pair.client.feed_eof()
        assert PEER_CLOSED is pair.client.state
        pair = new_pair(suppress_ragged_eofs=True).handshake()
        pair.client.shutdown()
        pair.client.data_to_send()
        pair.client.feed_eof()
        pair.client.data_to_send()
        assert CLOSED is pair.client.state

    def test_handshake_is_never_suppressed(self, new_pair):
        """suppress_ragged_eofs does not hide an EOF in the handshake."""
        pipe = new_pair(suppress_ragged_eofs=True).start().client
        assert EOF_FACTS == self.facts(pipe)


class TestUnwrap(object):
    def test_trailing_bytes(self, pipes, ours, split):
        """
        unwrap hands over what the peer sent after its close_notify, and what follows passes as
        plaintext.
        """
        us, peer = pipes.sides(ours)
        us.shutdown()
        carry(us, peer)
        peer.shutdown()
        data = peer.data_to_send()
        assert b'' == peer.unwrap()
        peer.feed_appdata(b'plain')
        for piece in split(data + peer.data_to_send()):
            us.feed_ssldata(piece)
        assert CLOSED is us.state
        assert b'plain' == us.unwrap()
        assert (PLAINTEXT, None) == (us.state, us.ssl_object)
        assert b'both ways' == talk(us, peer, b'both ways')
        assert b'indeed' == talk(peer, us, b'indeed')

    def test_data_before_unwrap_is_kept(self, pipes):
        """What TLS brought and nobody asked for yet survives unwrap."""
        pipes.server.feed_appdata(b'secret')
        pipes.shut_down()
        assert b'' == pipes.client.unwrap()
        assert b'secret' == pipes.client.appdata_received()

    def test_plaintext_before(self, new_pair, ours):
        """Plaintext that was not taken before the handshake fails it, and is never data."""
        us, _ = new_pair().sides(ours)
        us.feed_ssldata(b'injected')
        us.do_handshake()
        assert (BROKEN, b'') == (us.state, us.appdata_received())

    def test_again(self, new_pair, split, tls_version):
        """
        TLS can be started, ended and started again on one pipe, with plaintext before, between and
        after.
        """
        pair = new_pair(split=split)
        for _ in range(2):
            assert b'plain' == talk(pair.client, pair.server, b'plain', split)
            pair.handshake()
            assert tls_version == pair.client.ssl_object.version()
            assert b'secret' == talk(pair.client, pair.server, b'secret', split)
            assert b'answer' == talk(pair.server, pair.client, b'answer', split)
            pair.shut_down()
            assert (b'', b'') == (pair.client.unwrap(), pair.server.unwrap())
        assert b'plain' == talk(pair.server, pair.client, b'plain', split)

    def test_again_checks_the_name(self, client_context, server_context, pki, tls_version):
        """
        The second TLS on a pipe has the arguments of the first: the server's name is checked again.
        """
        pair = PipePair(client_context, server_context).handshake().shut_down()
        pair.client.unwrap()
        pair.client.do_handshake()
        other = SSLPipe(pki.server_context('other', version=tls_version), server_side=True)
        other.do_handshake()
        carry(pair.client, other)
        assert SSLCertVerificationError is type(raised(carry, other, pair.client))
