"""TLS for any event loop, like asyncio's sslproto. Nothing here imports a loop."""
