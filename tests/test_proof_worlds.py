"""Nothing that is withheld changes anything that is told: worlds that differ in hidden records alone answer alike, to the byte,
through every door."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from data.access import LOCAL_OPERATOR, Tlp, Viewer
from data.records import Sensitivity
from data.seen import public_id
from data.settings import Source
from tests.doors import Asked, doors, records
from tests.inprocess import Client, client_of
from tests.reference import otherwise
from tests.worlds import KINDS_DRAWN, VIEWERS, WORLDS, Ground, Told, World, now, record

pytest.register_assert_rewrite("tests.agreement")
from tests.agreement import CHECKS, Check  # noqa: E402

MANY = int(os.environ.get("COMMONGROUND_WORLDS", "2000"))
"""`make bench-access` asks for ten times as many."""
SHARE = 30
"""A world is asked at a share of the doors, another one at the next ones: all at all would be hours."""
DOORS = doors(now())


def proof(worlds: int) -> settings:
    # Worlds are small: the first that fails is readable, and shrinking one takes minutes.
    return settings(
        max_examples=worlds,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=(Phase.explicit, Phase.generate),
    )


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("worlds"))


@pytest.fixture(scope="module")
def client(ground: Ground) -> Iterator[Client]:
    world = World((), (), (), LOCAL_OPERATOR)
    with ground.standing(world) as (_, services):
        client = client_of(services)
        yield client
        client.close()


@given(world=WORLDS, turn=st.integers(0, SHARE - 1))
@proof(MANY // 16)
def test_what_is_withheld_changes_no_byte(ground: Ground, client: Client, world: World, turn: int) -> None:
    other = otherwise(world)
    with ground.standing(world) as (_, services), ground.standing(other) as (_, services_of_other):
        ids = every_id(services)
        sites = ((services, world), (services_of_other, other))
        for name in [*sorted(DOORS)[turn::SHARE], *RECORDS]:
            for _ in range(5):  # an age in seconds may tick between the two answers
                told, again = (ask(ground, client, site, at.viewer, name, ids) for site, at in sites)
                if told == again:
                    break
            assert told == again, name


RECORDS = ("every record by its id",)


def ask(ground: Ground, client: Client, services: Any, viewer: Viewer, name: str, ids: tuple[str, ...]) -> Any:
    client.current.show(services, viewer)
    asked = Asked(client, client.current, ids[:1], ground.folder)  # type: ignore[arg-type]
    return dict(records(asked)) if name in RECORDS else DOORS[name](asked)


def every_id(services: Any) -> tuple[str, ...]:
    """Public ids of everything, in an order that does not depend on the world."""
    picture = services.picture
    return tuple(
        sorted(
            {public_id(int(one)) for name, table in picture.tables.items() if name != "boundary" for one in table["id"]}
        )
    )


LOOKERS = 4
"""How many look at each set of records: each look, with its marks, agreements and moment, is one world."""


@given(world=WORLDS, lookers=st.lists(VIEWERS, min_size=LOOKERS, max_size=LOOKERS), turn=st.integers(0, 999))
@proof(MANY // LOOKERS)
def test_every_door_tells_what_the_rule_releases(
    ground: Ground, client: Client, world: World, lookers: list[Viewer], turn: int
) -> None:
    with ground.standing(world) as (_, services):
        ids = every_id(services)
        for at, viewer in enumerate(lookers):
            seen = replace(world, viewer=viewer)
            client.current.show(services, viewer)
            asked = Asked(client, client.current, ids, ground.folder)  # type: ignore[arg-type]
            for number in range(5):
                CHECKS[(turn + 5 * at + number) % len(CHECKS)](asked, seen, turn + at)


# That these comparisons can fail: somebody who is told more than the reference says


PLAIN = {"agency": "red", "sensitivity": Sensitivity.low, "releasable_to": (), "tlp": Tlp.clear}
WHOLE = World(
    (Source("src0", "test", **PLAIN), Source("src1", "test", **PLAIN)),
    tuple(
        Told(0, at % 3, record(kind, at + 1, at % 2, 5, 0, point, at % 2, 0))
        for at, (kind, point) in enumerate(itertools.product(range(KINDS_DRAWN), (0, 2)))
    ),
    (),
    Viewer("owner", "red", Sensitivity.severe, roles=("export",)),
)
STRANGER = Viewer("stranger", "blue", Sensitivity.severe)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_whoever_is_told_too_much_is_noticed(ground: Ground, client: Client, check: Check) -> None:
    with ground.standing(WHOLE) as (_, services):
        client.current.show(services, WHOLE.viewer)
        asked = Asked(client, client.current, every_id(services), ground.folder)  # type: ignore[arg-type]
        check(asked, WHOLE, 0)
        with pytest.raises((AssertionError, KeyError)):
            check(asked, replace(WHOLE, viewer=STRANGER), 0)


def test_a_byte_that_tells_of_the_hidden_is_noticed(ground: Ground, client: Client) -> None:
    """Through the same doors the owner sees the two worlds differ that are one to a stranger."""
    unseen = replace(WHOLE, viewer=STRANGER)
    with ground.standing(unseen) as (_, services), ground.standing(otherwise(unseen)) as (_, services_of_other):
        ids = every_id(services)
        sites = (services, services_of_other)
        differing = set()
        for name in DOORS:
            told, again = (ask(ground, client, site, WHOLE.viewer, name, ids) for site in sites)
            if told != again:
                differing.add(name)
    assert {
        "/api/status",
        "/api/kpis?window=28d",
        "/ogc/collections/incidents",
        "export csv",
        "callback /",
    } <= differing
    assert len(differing) > 100


def test_a_hidden_version_of_a_record_that_is_shown_is_nowhere(ground: Ground, client: Client) -> None:
    """Its first version was high, its second is for everybody: of the first there is no word; the owner gets both."""
    released = (Source("src0", "test", **{**PLAIN, "releasable_to": ("mission",)}),)
    secret = msgspec.structs.replace(record(0, 1, 0, 5, 0, 0, 0, 3), title="cnry first")
    versions = (Told(0, 0, secret), Told(0, 1, record(0, 1, 1, 2, 0, 0, 1, 0)))
    world = World(released, versions, (), replace(STRANGER, clearance=Sensitivity.moderate))
    with ground.standing(world) as (_, services):
        ids = every_id(services)
        told = ask(ground, client, services, world.viewer, RECORDS[0], ids)
        owners = ask(ground, client, services, WHOLE.viewer, RECORDS[0], ids)
    assert b"(200," in b"".join(told.values())
    assert b"cnry first" not in b"".join(told.values())
    assert b"cnry first" in b"".join(owners.values())
