"""Operate the system: metrics, health, topics, explanations, replay and verification."""
