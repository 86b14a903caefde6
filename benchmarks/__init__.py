"""Comparisons with published and peer results, and measurements of speed."""
