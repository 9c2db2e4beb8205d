"""What a new component begins with: templates of its two files and of a test, by kind."""
