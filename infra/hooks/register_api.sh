#!/bin/sh
# Registers the API in Entra, or takes the registration that is there, and leaves its ids in the environment of azd. Safe to repeat.
set -eu

if [ -n "${SWITCHYARD_API_ID:-}" ]; then
  echo "the API is registered as $SWITCHYARD_API_ID"
  exit 0
fi
if [ -z "${SWITCHYARD_ML_RESOURCE_GROUP:-}" ]; then
  echo "SWITCHYARD_ML_RESOURCE_GROUP is not set: azd env set SWITCHYARD_ML_RESOURCE_GROUP <group of the workspaces>" >&2
  exit 1
fi

name="${SWITCHYARD_API_NAME:-Switchyard}"
app_id=$(az ad app list --display-name "$name" --query "[0].appId" --output tsv)
if [ -z "$app_id" ]; then
  app_id=$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg --query appId --output tsv)
fi
object_id=$(az ad app show --id "$app_id" --query id --output tsv)
az rest --method PATCH --uri "https://graph.microsoft.com/v1.0/applications/$object_id" \
  --headers Content-Type=application/json --body @infra/app_registration.json
az rest --method PATCH --uri "https://graph.microsoft.com/v1.0/applications/$object_id" \
  --headers Content-Type=application/json --body @infra/app_registration_cli.json
az ad app update --id "$app_id" --identifier-uris "api://$app_id"
az ad sp show --id "$app_id" --output none 2>/dev/null || az ad sp create --id "$app_id" --output none

azd env set SWITCHYARD_API_ID "$app_id"
azd env set SWITCHYARD_API_OBJECT_ID "$object_id"
azd env set SWITCHYARD_BOARD_CLIENT_ID "$app_id"
echo "give groups their roles now: docs/deploying.md, Register the API"
