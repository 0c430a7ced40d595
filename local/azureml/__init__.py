"""Azure Machine Learning on one machine, for the unmodified `azure-ai-ml` client.

The rooms stand on `assets` and `service`; `app.py` and `routes.py` put them together. How the client talks:
docs/azure-facts.md; what the part covers and where it differs from Azure: docs/local-azureml.md.
"""
