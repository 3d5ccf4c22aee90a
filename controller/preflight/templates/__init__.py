"""Search of templates of infrastructure as code for numbers that Stoker also sets."""
