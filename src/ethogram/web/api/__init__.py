"""The management API: everything that the command line does, over HTTP, described by an OpenAPI document.

One module for each topic, with a `router`; `topics.py` lists them, `application.py` puts them together.
"""
