"""The web: the collection API, the management API, and what browsers load from here."""
