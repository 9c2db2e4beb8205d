"""Operations that change a network of masked blocks and preserve its function."""
