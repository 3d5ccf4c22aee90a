"""Commands that read, convert and write recorded demand."""
