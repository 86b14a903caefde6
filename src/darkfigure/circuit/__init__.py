"""Who stays, who moves on and who is seen: people followed over time through several cities."""
