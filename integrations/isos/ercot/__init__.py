"""ERCOT: settlement point prices and SCED LMPs."""
