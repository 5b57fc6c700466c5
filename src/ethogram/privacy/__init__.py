"""What people may ask for about themselves: to be told everything that is known of them, and to be forgotten."""
