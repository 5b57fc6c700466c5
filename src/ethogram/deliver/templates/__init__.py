"""Templates: Liquid with limits, e-mail layouts, language versions, and what a message says when they are rendered."""
