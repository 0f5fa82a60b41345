"""Measurements: each program prints a ratio against a named peer, run on the same inputs. See docs/benchmarks.md."""
