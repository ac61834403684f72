"""
The command line: one module a command, and what several of them need.

A command has ``HELP``, ``add_arguments(parser)``, ``run(arguments)``, which returns the exit
status, and, where there is more to say, ``EPILOG``. It imports frameworks when it runs, never
before: ``--help`` works without them. Nothing outside of this package imports it but ``__main__``.
"""
