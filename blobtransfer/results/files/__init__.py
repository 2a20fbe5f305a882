"""Read and write result files: JSON, its schema and its checks, and CSV."""
