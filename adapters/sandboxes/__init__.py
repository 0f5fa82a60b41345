"""Where untrusted code runs: Docker, bubblewrap, or, only when asked for by name, a plain subprocess."""
