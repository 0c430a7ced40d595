"""Azure Machine Learning on one machine, for the unmodified `azure-ai-ml` client.

Rules of the wire: the notes on the Azure Machine Learning client (sections 2, 4 and 5); what the part covers and
where it differs from Azure: docs/local-azureml.md.
"""
