#!/bin/sh
# Event Grid takes a function as a destination once it is there: the same template again, with the subscriptions. Safe to repeat.
set -eu

azd env set SWITCHYARD_SUBSCRIBE true
SWITCHYARD_SUBSCRIBE=true az deployment group create --name switchyard-events \
  --resource-group "$AZURE_RESOURCE_GROUP" --parameters infra/main.bicepparam --output none
url=$(az deployment group show --name switchyard-events --resource-group "$AZURE_RESOURCE_GROUP" \
  --query properties.outputs.url.value --output tsv)
az rest --method PATCH --uri "https://graph.microsoft.com/v1.0/applications/$SWITCHYARD_API_OBJECT_ID" \
  --headers Content-Type=application/json --body "{\"spa\": {\"redirectUris\": [\"$url/signed-in\"]}}"
echo "events of the workspaces come in, and people sign in to the board at $url"
