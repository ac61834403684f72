"""The pair engine: TLS objects over the interpreter's own ssl and one pair of sockets."""
