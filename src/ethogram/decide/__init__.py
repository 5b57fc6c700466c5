"""Decides what to do about it: who gets which message, and when. Messages go to the outbox; nothing is sent here."""
