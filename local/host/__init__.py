"""The local Azure Functions host: runs the unmodified Python v2 app without the .NET host (see docs/local-host.md)."""
