"""What can be done from a terminal: each command calls services, and words what came of it."""
