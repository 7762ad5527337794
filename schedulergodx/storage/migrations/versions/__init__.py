"""The steps of the schema, each in a file that never changes once it was released."""
