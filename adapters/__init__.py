"""Everything that touches the outside: models, sandboxes and host applications."""
