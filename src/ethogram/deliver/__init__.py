"""Deliver: what leaves the system, and what became of it. Imports the model and the stores, and no stage before it."""
