"""The vocabulary: frozen values that every stage shares, without input or output."""
