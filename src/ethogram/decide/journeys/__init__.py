"""Journeys: who enters, how runs move from step to step, and what they want done."""
