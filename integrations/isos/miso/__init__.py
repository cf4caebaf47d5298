"""MISO: hourly LMPs of the day-ahead and real-time markets."""
