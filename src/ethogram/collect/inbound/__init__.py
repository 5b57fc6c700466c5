"""Webhooks of providers as events: whom to believe, and how a payload is read."""
