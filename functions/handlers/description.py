"""The API's description. It holds no data and decides nothing."""

import json

import azure.functions as func

from shared.contracts.http.openapi import openapi


async def describe_api(req: func.HttpRequest) -> func.HttpResponse:
    """Public: made of the contracts, not of anything stored."""
    return func.HttpResponse(json.dumps(openapi()), mimetype="application/json")
