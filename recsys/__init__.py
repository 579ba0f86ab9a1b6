"""One recommender for every channel: a gRPC service over an exact, compiled top-k."""
