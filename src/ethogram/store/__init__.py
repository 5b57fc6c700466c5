"""Store: what was accepted is kept, in the warehouse and the ledger."""
