"""From two songs and a prompt to a plan that can be rendered."""
