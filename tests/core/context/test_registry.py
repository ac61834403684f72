"""Settings that Python keeps for a context."""
from __future__ import absolute_import, division, print_function

import weakref

from sslproto27 import SSLContext, context
from tests.support.memory import PY2, collect, only_python2


class TestLifetime(object):
    """Settings live as long as their context, and no longer."""

    def test_context_dies(self):
        """A context of ours dies although all its callbacks refer to it."""
        made = SSLContext(context.PROTOCOL_TLS if PY2 else context.PROTOCOL_TLS_SERVER)
        for name in ('set_psk_server_callback', 'set_psk_client_callback'):
            if PY2:
                getattr(made, name)(lambda given, held=made: b'')
        made.sni_callback = lambda sslobj, name, given, held=made: None
        reference = weakref.ref(made)
        del made
        collect()
        assert None is reference()

    @only_python2
    def test_callbacks_die(self, way):
        """What was given to a context dies with it, and what is replaced at once."""
        class Callback(object):
            """One that can be referred to weakly."""
            def __call__(self, given):
                return b''
        made = way.new(server_side=True)
        first, second = Callback(), Callback()
        references = [weakref.ref(first), weakref.ref(second)]
        way.call(made, 'set_psk_server_callback', first)
        way.call(made, 'set_psk_server_callback', second)
        del first, second
        collect()
        assert [True, False] == [reference() is None for reference in references]
        del made
        collect()
        assert [None, None] == [reference() for reference in references]

    @only_python2
    def test_nothing_is_left(self, way, pki):
        """A context that is gone leaves nothing that finds its settings."""
        from sslproto27._core.context import registry as _registry
        collect()
        before = len(_registry._by_address), len(_registry._of_plain)
        for _ in range(20):
            made = way.new(server_side=True)
            way.set(made, 'session_ticket_keys', [context.new_session_ticket_key()])
            del made
        collect()
        assert before == (len(_registry._by_address), len(_registry._of_plain))
