"""What every room of the Azure ML part stands on: requests, documents, storage, operations, faults."""
