"""What the services need from outside, and what the edges may ask of them: contracts, checked by mypy."""
