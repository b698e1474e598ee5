"""The throttle: how creepy a message is, how much of that a customer had lately, and what may be said instead."""
