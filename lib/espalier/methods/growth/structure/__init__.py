"""Operations that change a network of masked blocks and keep what it computes."""
