"""Journeys: graphs that people pass through step by step, as values that documents are read to and written from."""
