"""Entry points for the applications that host a solve."""
