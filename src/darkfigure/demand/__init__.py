"""How many buyers and traffickers there are, and what a shift of enforcement to them would do."""
