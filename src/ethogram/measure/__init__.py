"""Measure: what the facts say, computed when asked. Reads the warehouse; writes nothing."""
