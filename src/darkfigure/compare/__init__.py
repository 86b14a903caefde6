"""Is it worse here, or do we only look harder? Prevalence, detection and rank of several places,
each with its uncertainty: recorded cases per head are prevalence times the share detected."""
