"""Ports between the controller and the providers, with their values and errors. Contains no code of a provider."""
