"""Small real data sets that ship with the course; see README.md beside this file."""
