"""Customer state: what is loaded before a decision and compared and set after it."""
