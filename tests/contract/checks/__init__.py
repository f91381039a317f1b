"""The checks, one file for each kind of thing."""
