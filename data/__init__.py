"""What is known: records, the store, the picture, and who may see it."""
