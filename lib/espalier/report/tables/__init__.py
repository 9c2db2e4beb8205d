"""The ranking of a sweep as a table for a paper, a page or a spreadsheet."""
