"""The outside world: what operators, exchanges and identity providers send us."""
