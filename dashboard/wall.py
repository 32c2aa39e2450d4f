"""The scenes of a wall, and steering it from another device."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import shapely
from starlette.requests import Request
from starlette.responses import Response

from dashboard import rights
from dashboard.answer import NOT_FOUND, Refused, answer
from dashboard.kpis import all_kpis
from dashboard.services import Services
from dashboard.walls import Turn, shown
from dashboard.words import language, say
from data.access import Viewer
from data.records import Boundary
from data.scenes import OVERVIEW, SHOWN, Scene
from data.seen import Seen
from data.settings import BadSettings, Settings
from layers.layer import all_layers

Told = Mapping[str, Any]


def check(settings: Settings) -> None:
    """Raises `BadSettings` for a scene that names a layer or a figure there is none of."""
    known = {"layers": set(all_layers()), "kpis": {kpi.id for kpi in all_kpis()}}
    known["lists"] = known["kpis"]
    for scene in settings.scenes:
        own = SHOWN[scene.shows]  # what a word stands for may name what only other installations have
        for name, there in known.items():
            wrong = set(getattr(scene, name) or ()) - there - set(getattr(own, name) or ())
            if wrong:
                told = ", ".join(sorted(there))
                raise BadSettings(f"{settings.home / 'commonground.toml'}: {name} of scene '{scene.id}' have "
                                  f"'{min(wrong)}', which there is not; there are {told}.")  # fmt: skip


def scenes_of(settings: Settings) -> tuple[Scene, ...]:
    return settings.scenes or (OVERVIEW,)


def overview(services: Services, request: Request) -> Response:
    """The scenes, where the asker's own wall is in them, and the walls they may steer. A wall says with `scene` and `held` what
    it shows."""
    viewer = services.viewer(request)
    seen = services.picture.seen_by(viewer)
    query = request.query_params
    lang = language(query.get("lang"))
    scenes = scenes_of(services.settings)
    if query.get("scene") in {scene.id for scene in scenes} and viewer.looking is None:
        services.walls.hear(viewer.name, query["scene"], query.get("held") == "true")
    walls = [_wall(services, name, viewer) for name in steered(services, viewer)]
    turn = _turn(services.walls.turn(viewer.name))
    told = [_scene(seen, scene, lang) for scene in scenes]
    return answer(request, {"name": viewer.name, "scenes": told, "turn": turn, "walls": walls})


def _scene(seen: Seen, scene: Scene, lang: str) -> dict[str, Any]:
    title = (scene.title or {}).get(lang) or (scene.title or {}).get("en")
    view = dict(scene.view or {})
    return {
        **asdict(scene),
        "title": title or say(lang, f"scene.{scene.shows}"),
        "view": view,
        "bbox": None if "at" in view else _box(seen, view.get("area", "")),
    }


def _box(seen: Seen, area: str) -> tuple[float, ...] | None:
    """West, south, east, north of an area, by the boundary that the viewer sees; None for the mission's own."""
    if not area:
        return None
    wanted = area.casefold()
    rows = seen.rows("boundary")
    for item in seen.items("boundary", rows.tolist()):
        if isinstance(item.record, Boundary) and wanted in (item.record.pcode.casefold(), item.record.title.casefold()):
            shape = seen.geometry("boundary", item.row)
            return tuple(shapely.from_wkb(shape).bounds) if shape else None
    return None


def _turn(turn: Turn) -> dict[str, Any]:
    return {"scene": turn.scene, "held": turn.held, "since": turn.since}


def _wall(services: Services, name: str, viewer: Viewer) -> dict[str, Any]:
    heard = services.walls.heard.get(name)
    turn = services.walls.turn(name)
    now = shown(scenes_of(services.settings), turn, time.time())
    newer = heard is not None and heard.at > turn.since
    return {
        "name": name,
        "own": name == viewer.name,
        "turn": _turn(turn),
        "scene": heard.scene if heard and newer else now.id,
        "held": heard.held if heard and newer else turn.held,
        "heard_s": None if heard is None else round(time.time() - heard.at),
        "by": turn.who,
    }


def steered(services: Services, viewer: Viewer) -> list[str]:
    """Names of the walls somebody may steer: the displays, and their own screens."""
    if not rights.steers(viewer, viewer.agency):
        return []
    displays = [one for one in services.identity.accounts() if one.profile.kind == "display" and not one.disabled]
    return [*sorted(one.name for one in displays if rights.steers(viewer, one.profile.agency)), viewer.name]


def may(services: Services, viewer: Viewer, told: Told) -> bool:
    return rights.steers(viewer, viewer.agency)


def steer(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{"wall", "scene", "held"}`: that wall shows that scene now, and stays at it where it is held."""
    wall, scene, held = told.get("wall"), told.get("scene"), told.get("held", False)
    if wall not in steered(services, viewer):
        raise NOT_FOUND
    if scene not in {one.id for one in scenes_of(services.settings)}:
        raise Refused(422, f"scene: use one of {', '.join(one.id for one in scenes_of(services.settings))}.")
    if not isinstance(held, bool):
        raise Refused(422, "held: use true or false.")
    return _turn(services.walls.steer(str(wall), str(scene), held, viewer.name))
