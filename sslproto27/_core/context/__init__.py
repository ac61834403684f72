"""Contexts: their settings, credentials and callbacks, and what is kept of each."""
