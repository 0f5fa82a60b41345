"""The critics, and the killable workers that run them."""
