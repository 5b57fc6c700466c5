"""The ledger's migrations; `ledger.py` runs them by itself when a ledger opens."""
