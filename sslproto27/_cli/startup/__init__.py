"""
A folder for PYTHONPATH: its ``sitecustomize`` patches an interpreter that ``run`` starts.

See the documentation of ``site``; nothing imports this package.
"""
