"""The numbers of figures: who is drawn, where, and how sure it is."""
