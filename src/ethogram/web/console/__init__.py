"""The console: what a marketer sees. Pages made on the server, improved by a little script, at `/console`."""
