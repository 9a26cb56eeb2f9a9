"""The command line: parse, call a recipe, turn errors into exit codes."""
