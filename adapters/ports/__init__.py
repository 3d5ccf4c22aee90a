"""What the controller asks of a provider, and what an adapter may answer: ports, values and errors.

No provider is named here.
"""
