"""In-memory ports. Each passes the contract suite that its adapter passes (tests/contract)."""
