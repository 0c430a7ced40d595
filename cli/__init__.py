"""The `switchyard` command for operators. It knows the HTTP API and nothing else of the product."""
