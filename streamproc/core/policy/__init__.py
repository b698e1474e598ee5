"""What marketers and operators decided, compiled once."""
