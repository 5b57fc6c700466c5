"""Ways out: one protocol, a module for each provider's own; `building.build` makes one from a provider's settings."""
