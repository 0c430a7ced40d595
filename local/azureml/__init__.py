"""Azure Machine Learning on one machine, for the unmodified `azure-ai-ml` client.

How the client talks: docs/azure-facts.md; what the part covers and where it differs from Azure: docs/local-azureml.md.
"""
