"""A sweep as frames of pandas, for a notebook."""
