"""Keep customer contexts: load them in one trip and write them by compare-and-set."""
