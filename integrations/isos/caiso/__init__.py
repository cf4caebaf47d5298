"""CAISO: OASIS LMPs of the day-ahead, fifteen-minute and hour-ahead runs."""
