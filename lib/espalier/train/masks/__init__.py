"""The log of mask events: what each of them changed, and the table that a trial leaves."""
