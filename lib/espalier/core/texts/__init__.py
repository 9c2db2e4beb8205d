"""Small texts that several rooms write: counts with their nouns, moments."""
