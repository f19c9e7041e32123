"""What PostgreSQL itself accepts and demands, by major version.

In: names and values.  Out: verdicts and facts.
"""
