"""What can be known of the templates without Azure: `python -m infra.check` says every mistake and where it is.

The templates are rendered for several sets of parameters (`cases.py`); what comes out is compared with Microsoft's
types, names with Azure's rules, and everything with our own rules.
"""
