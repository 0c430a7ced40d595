"""Models, environments, data, code and components, in workspaces and the registry; datastores."""
