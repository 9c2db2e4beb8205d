"""The update rules of papers that torch has not, or not as published, each with its stack."""
