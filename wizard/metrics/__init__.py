"""What the site tells Prometheus: counts of what happens in each process, and levels read when they are asked for."""
