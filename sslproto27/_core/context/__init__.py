"""Contexts: their settings, credentials and callbacks, and what Python stores for each."""
