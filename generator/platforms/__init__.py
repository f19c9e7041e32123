"""Platform profiles: one YAML of facts per operating system, and their loader."""
