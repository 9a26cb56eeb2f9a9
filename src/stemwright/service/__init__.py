"""Both jobs over HTTP: the only room that knows it."""
