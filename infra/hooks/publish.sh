#!/bin/sh
# Publishes a package and waits until that very release answers: publish.sh GROUP APP FILE.zip VERSION. Exits 1 where it does not.
set -eu

group="${1:?the resource group}"
app="${2:?the function app}"
file="${3:?the zip}"
version="${4:?the version that has to answer}"
address="https://$(az functionapp show --resource-group "$group" --name "$app" --query defaultHostName --output tsv)"

az functionapp deployment source config-zip --resource-group "$group" --name "$app" --src "$file" --build-remote false --output none

for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  answer=$(curl --silent --fail --max-time 30 "$address/api/version" || true)
  case "$answer" in
    *"\"version\":\"$version\""* | *"\"version\": \"$version\""*)
      curl --silent --show-error --fail --max-time 30 "$address/api/health"
      echo
      echo "$address runs $version"
      exit 0
      ;;
  esac
  sleep 15
done
echo "$address does not answer as $version: ${answer:-nothing}" >&2
exit 1
