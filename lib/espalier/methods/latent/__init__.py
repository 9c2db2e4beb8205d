"""Methods that train latent dense weights, of which the network computes with a sparse part."""
