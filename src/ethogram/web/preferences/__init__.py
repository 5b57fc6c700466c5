"""The pages behind the links in messages: unsubscribing, and choosing what to receive, without a login."""
