"""One thin wrapper per outside program; `process` alone starts any.

In: a command.  Out: its answer, or a failure in words.
"""
