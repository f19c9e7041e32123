"""One thin wrapper per outside program; `process` is the only module that starts any."""
