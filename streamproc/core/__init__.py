"""Decide what to say, purely: no clock, no network, no randomness and no logging lives here."""
