"""The demo: a compressed day of simulated shoppers through a real worker, watched as it happens, then judged."""
