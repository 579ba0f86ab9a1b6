"""How likely people use offers, learned from what they saw, redeemed and bought; see docs/offers.md."""
