"""Order, keys, store, events: the recipes."""
