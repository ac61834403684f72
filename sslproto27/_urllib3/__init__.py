"""How urllib3, and so requests and pip, get TLS sockets of ours."""
