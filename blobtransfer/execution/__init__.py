"""Execution of calls: in this thread, on any executor, or on a cluster."""
