"""What is kept, and where: Redis, the database, and the embedded servers."""
