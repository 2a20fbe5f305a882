"""What several test files share: engines with planned results, specs, commands, model files."""
