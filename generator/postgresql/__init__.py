"""What PostgreSQL itself accepts and demands, by major version.  Pure facts and arithmetic."""
