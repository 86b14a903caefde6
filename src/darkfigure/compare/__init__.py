"""Is it worse here, or do we only look harder? What can be said of places beside one another: how
they rank, and how surely. A comparison takes estimates with their uncertainty, whoever made them,
and never says more than they bear: places that cannot be told apart are not put in an order.
"""
