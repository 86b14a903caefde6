"""Reading the lists that agencies keep into capture histories."""
