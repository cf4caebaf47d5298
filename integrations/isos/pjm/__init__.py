"""PJM: hourly LMPs of Data Miner 2."""
