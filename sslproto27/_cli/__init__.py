"""
The command line: one module for each command, and modules that several commands share.

A command has ``HELP``, ``add_arguments(parser)``, ``run(arguments)``, which returns the exit
status, and, if there is more to say, ``EPILOG``. It imports frameworks only when it runs, so that
``--help`` works without them. Outside this package, only ``__main__`` imports it.
"""
