"""Generators: the OpenAI wire, the local model, litellm, scripted answers and recorded ones."""
