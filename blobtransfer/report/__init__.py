"""Report results as tables, sentences and figures."""
