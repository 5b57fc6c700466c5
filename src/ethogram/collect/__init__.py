"""Collect: what comes in is read, checked and accepted."""
