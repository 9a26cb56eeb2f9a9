"""The recipe `remix`, room by room."""
