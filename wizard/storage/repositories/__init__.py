"""What the services ask of the database, one subject a module."""
