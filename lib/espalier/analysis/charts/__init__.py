"""The numbers that charts show, of the page and of figures. Pure functions over results."""
