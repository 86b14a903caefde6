"""Is it worse here, or do we only look harder? Rates, shares detected and ranks of places."""
