"""Results shown to people: tables, sentences and figures."""
