"""LangGraph state machines, one strategy a file."""
