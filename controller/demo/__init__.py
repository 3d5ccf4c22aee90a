"""The demo: the real daemon with an emulated cloud, faster than real time, and its display in the terminal."""
