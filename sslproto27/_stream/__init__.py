"""TLS for an event loop, whichever it is: asyncio's sslproto. Nothing here imports one."""
