#!/bin/sh
# Event Grid takes a function as a destination once it is there: the same template again, with the subscriptions. Safe to repeat.
set -eu

azd env set SWITCHYARD_SUBSCRIBE true
SWITCHYARD_SUBSCRIBE=true az deployment group create --name switchyard-events \
  --resource-group "$AZURE_RESOURCE_GROUP" --parameters infra/main.bicepparam --output none
echo "events of the workspaces come in"
