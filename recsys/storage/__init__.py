"""Adapters of the capabilities' ports to databases."""
