"""`python -m local.eventgrid --port P --data DIR --config FILE`: the Event Grid part of the local cloud."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

from starlette.applications import Starlette

from local.conventions import LOOPBACK, DirectoryInUse, configure_logging, stop_if_broken
from local.eventgrid.app import EventGridApi
from local.eventgrid.auth import Authenticator
from local.eventgrid.config import Config, load_config
from local.eventgrid.engine import Engine
from local.eventgrid.sender import Sender
from local.eventgrid.store import Store
from local.serving import listen, serve


def main() -> int:
    options = _parse()
    configure_logging()
    listener = listen(options.port)
    config = load_config(options.config) if options.config else Config()
    try:
        store = Store(options.data)
    except DirectoryInUse as error:
        logging.getLogger("local.eventgrid").critical("cannot start: %s", error)
        return 1
    sender = Sender(base=f"http://{LOOPBACK}:{listener.getsockname()[1]}", sink_dir=options.sink_dir or options.data)
    engine = Engine(store, sender, retry_scale=options.retry_scale)
    topics = {topic.name.lower(): topic for topic in config.topics}
    api = EventGridApi(engine, topics, Authenticator(options.jwks))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with sender:
            engine.start()
            for spec in config.subscriptions:
                engine.subscribe(spec)
            writer = _start_dead_letter_writer(engine, options)
            yield
            if writer:
                writer.cancel()
                await asyncio.gather(writer, return_exceptions=True)
            await engine.stop()
        store.close()

    serve(api.app(lifespan), part="eventgrid", listener=listener)
    return 0


def _start_dead_letter_writer(engine: Engine, options: argparse.Namespace) -> asyncio.Task[None] | None:
    if not options.blob_endpoint:
        return None
    writer = asyncio.create_task(_write_dead_letters(engine, options), name="dead-letter writer")
    writer.add_done_callback(stop_if_broken)
    return writer


async def _write_dead_letters(engine: Engine, options: argparse.Namespace) -> None:
    """Wait for the first dead letter: the storage client takes a third of this part's memory and start time."""
    while not engine.store.dead_without_blob(limit=1):
        engine.dead_letter_written.clear()
        await engine.dead_letter_written.wait()
    deadletters = await asyncio.to_thread(import_module, "local.eventgrid.deadletters")
    await deadletters.write_dead_letters(
        engine.store,
        endpoint=options.blob_endpoint,
        container=options.dead_letter_container,
        written=engine.dead_letter_written,
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local.eventgrid", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 for any free port")
    parser.add_argument("--data", type=Path, required=True, help="directory of the database")
    parser.add_argument("--config", type=Path, help="JSON file with topics and subscriptions")
    parser.add_argument("--blob-endpoint", help="http://127.0.0.1:PORT/devstoreaccount1, for dead letters as blobs")
    parser.add_argument("--dead-letter-container", default="deadletters")
    parser.add_argument("--jwks", help="key set that bearer tokens must be signed with; their form counts without it")
    parser.add_argument("--sink-dir", type=Path, help="directory of file: endpoints; the data directory if not given")
    parser.add_argument("--retry-scale", type=float, default=1.0, help="factor on retry delays and time to live")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
