"""HTTP face of the Event Grid part: publishing, validation links, and /control for looking and for faults.

Sources: Event Grid data plane API 2018-01-01 (publish, authentication, limits); docs/local-cloud-contract.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan

from local.eventgrid.auth import Authenticator, KeysUnavailable, Unauthorized
from local.eventgrid.config import Faults, Subscription, Topic
from local.eventgrid.engine import Engine
from local.eventgrid.names import custom_topic_id, system_topic_id
from local.eventgrid.schemas import MAX_REQUEST_BYTES, InvalidEvent, parse_batch
from local.eventgrid.store import ACTIVE, Delivery, StoredSubscription
from local.redirect import EMULATED_HOST_HEADER
from local.serving import REFUSALS, error, health, json_body

LIST_LIMIT = 1000


@dataclass(frozen=True)
class EventGridApi:
    engine: Engine
    topics: Mapping[str, Topic]  # by lower-case name
    authenticator: Authenticator

    def app(self, lifespan: Lifespan[Starlette]) -> Starlette:
        return Starlette(
            routes=[
                Route("/health", health),
                Route("/topics/{name}/api/events", self.publish_custom, methods=["POST"]),
                Route("/system/{source:path}/api/events", self.publish_system, methods=["POST"]),
                Route("/validate/{name}", self.validate),
                Route("/control/subscriptions", self.list_subscriptions),
                Route("/control/subscriptions/{name}", self.put_subscription, methods=["PUT"]),
                Route("/control/subscriptions/{name}", self.delete_subscription, methods=["DELETE"]),
                Route("/control/deliveries", self.list_deliveries),
                Route("/control/deadletters", self.list_dead_letters),
                Route("/control/faults", self.get_faults),
                Route("/control/faults", self.set_faults, methods=["POST"]),
            ],
            exception_handlers=REFUSALS,
            lifespan=lifespan,
        )

    # Publishing

    async def publish_custom(self, request: Request) -> Response:
        name = request.path_params["name"]
        topic = self.topics.get(name.lower())
        if topic is None:
            return error(404, "ResourceNotFound", f"There is no topic {name!r}: add it to the configuration file.")
        try:
            await self.authenticator.check(request.headers, topic)
        except Unauthorized as problem:
            return error(401, "Unauthorized", str(problem))
        except KeysUnavailable as problem:
            return error(503, "AuthenticationUnavailable", str(problem))
        return await self._publish(request, custom_topic_id(topic.name))

    async def publish_system(self, request: Request) -> Response:
        """For parts of the local cloud; in Azure only the source itself can publish here."""
        if EMULATED_HOST_HEADER in request.headers:
            return error(403, "Forbidden", "A system topic takes events from its source only, not from clients.")
        return await self._publish(request, system_topic_id(request.path_params["source"]))

    async def _publish(self, request: Request, topic_id: str) -> Response:
        body = await request.body()
        if len(body) > MAX_REQUEST_BYTES:
            return error(413, "RequestEntityTooLarge", "A publish request holds at most 1 MiB: split the batch.")
        try:
            events = parse_batch(body, request.headers.get("content-type", ""), topic_id=topic_id)
        except InvalidEvent as problem:
            return error(400, "BadRequest", str(problem))
        self.engine.publish(topic_id, events)
        return Response(status_code=200)

    # Subscriptions

    async def validate(self, request: Request) -> Response:
        """The link in a validation event: a person opens it instead of the endpoint answering with the code."""
        name, code = request.path_params["name"], request.query_params.get("code", "")
        stored = self.engine.store.subscription(name)
        if stored is None or stored.code != code:
            return error(400, "InvalidValidationCode", "This is not the current validation link of a subscription.")
        self.engine.store.set_subscription_state(name, code, ACTIVE)
        self.engine.subscribe(stored.spec)
        return JSONResponse({"message": f"Subscription {name} is active."})

    async def put_subscription(self, request: Request) -> Response:
        body = await json_body(request)
        try:
            spec = Subscription.model_validate({**body, "name": request.path_params["name"]})
        except (ValidationError, TypeError) as problem:
            return error(400, "InvalidSubscription", str(problem))
        if spec.topic and spec.topic.lower() not in self.topics:
            return error(404, "ResourceNotFound", f"There is no topic {spec.topic!r} to subscribe to.")
        return JSONResponse(_shown(self.engine.subscribe(spec)))

    async def delete_subscription(self, request: Request) -> Response:
        deleted = self.engine.unsubscribe(request.path_params["name"])
        return Response(status_code=200 if deleted else 204)

    async def list_subscriptions(self, _: Request) -> Response:
        return JSONResponse({"value": [_shown(stored) for stored in self.engine.store.subscriptions()]})

    # Looking and faults

    async def list_deliveries(self, request: Request) -> Response:
        query = request.query_params
        found = self.engine.store.deliveries(
            state=query.get("state"),
            subscription=query.get("subscription"),
            event_id=query.get("eventId"),
            limit=LIST_LIMIT,
        )
        return JSONResponse({"value": [_shown_delivery(delivery) for delivery in found]})

    async def list_dead_letters(self, _: Request) -> Response:
        found = self.engine.store.deliveries(state="deadlettered", limit=LIST_LIMIT)
        return JSONResponse({"value": [_shown_delivery(delivery) for delivery in found]})

    async def get_faults(self, _: Request) -> Response:
        return JSONResponse(self.engine.faults.model_dump(by_alias=True))

    async def set_faults(self, request: Request) -> Response:
        """Replaces all faults: an empty object switches them off."""
        try:
            faults = Faults.model_validate(await json_body(request))
        except ValidationError as problem:
            return error(400, "InvalidFaults", str(problem))
        self.engine.set_faults(faults)
        return JSONResponse(faults.model_dump(by_alias=True))


def _shown(stored: StoredSubscription) -> dict[str, Any]:
    """Without the endpoint's query, which holds a key, and without the validation code."""
    return {
        **stored.spec.model_dump(mode="json", by_alias=True, exclude={"endpoint"}),
        "topicId": stored.spec.topic_id,
        "endpointBaseUrl": stored.spec.endpoint_base,
        "provisioningState": stored.state,
        "problem": stored.problem,
    }


def _shown_delivery(delivery: Delivery) -> dict[str, Any]:
    return {to_camel(name): value for name, value in asdict(delivery).items()}
