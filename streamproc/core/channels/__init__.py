"""A file a channel: a message's words to the `content` of its nudge, within what the medium really carries."""
