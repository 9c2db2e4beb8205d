"""Apoptosis: neurons die and are born while a network trains."""
