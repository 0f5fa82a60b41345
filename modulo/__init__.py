"""LLM-Modulo generate-test loops: a guesser, a bank of sound critics, and a budget."""
