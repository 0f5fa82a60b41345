"""Best-of-8 over one stub server, once for each library. Each program runs in an environment of its own."""
