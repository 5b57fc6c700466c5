"""Campaigns: when each is due, who is meant, and what each of them gets."""
