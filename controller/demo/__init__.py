"""The demo: the real daemon against the embedded cloud, faster than life, and what it did told in the terminal."""
