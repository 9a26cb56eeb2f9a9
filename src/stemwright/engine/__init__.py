"""The durable queue: jobs that survive every crash, done by any number of workers."""
