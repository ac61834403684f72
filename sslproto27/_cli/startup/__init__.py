"""
A folder for PYTHONPATH: its ``sitecustomize`` makes an interpreter begin as ``run`` wants it.

See site's documentation; nothing imports this package.
"""
