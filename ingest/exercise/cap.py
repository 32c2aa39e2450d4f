"""Public warnings as CAP 1.2 messages (OASIS 2010) in English, French and Arabic, with an update and a cancellation."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ingest.exercise import names
from ingest.exercise.clock import ZONE, offset
from ingest.exercise.coast import degrees
from ingest.exercise.world import Area, World, random

SENDER = "cap@met.example"


@dataclass(frozen=True)
class Notice:
    """A kind of warning: CAP category, response, severity, urgency and certainty, and for how long it holds."""

    category: str
    response: str
    severity: str
    urgency: str
    certainty: str
    hours: float
    sender: str = "Meteorological Service"


KINDS = {
    "flood": Notice("Met", "Evacuate", "Severe", "Immediate", "Likely", 30),
    "cyclone": Notice("Met", "Prepare", "Extreme", "Expected", "Likely", 48),
    "cholera": Notice("Health", "Assess", "Severe", "Expected", "Observed", 14 * 24, "Ministry of Health"),
    "surf": Notice("Met", "Avoid", "Moderate", "Expected", "Likely", 24),
    "heat": Notice("Met", "Monitor", "Minor", "Future", "Possible", 36),
    "storm": Notice("Met", "Shelter", "Moderate", "Immediate", "Observed", 3),
}
TEXTS = {
    "flood": {
        "en": (
            "Flood Warning",
            "Rivers are rising in {area}",
            "Move to higher ground. Do not cross flooded roads or bridges.",
        ),
        "fr": (
            "Alerte inondation",
            "Crue des rivières : {area}",
            "Gagnez les hauteurs. Ne traversez ni routes ni ponts inondés.",
        ),
        "ar": (
            "تحذير من الفيضانات",
            "ارتفاع منسوب الأنهار في {area}",
            "انتقلوا إلى أماكن مرتفعة ولا تعبروا الطرق أو الجسور المغمورة.",
        ),
    },
    "cyclone": {
        "en": (
            "Tropical Cyclone Watch",
            "Storm-force winds possible in {area}",
            "Secure roofs and boats. Know where your shelter is.",
        ),
        "fr": (
            "Veille cyclonique",
            "Vents de tempête possibles : {area}",
            "Arrimez toits et bateaux. Repérez votre abri.",
        ),
        "ar": ("مراقبة إعصار مداري", "رياح عاصفة محتملة في {area}", "ثبّتوا الأسقف والقوارب واعرفوا مكان الملجأ."),
    },
    "cholera": {
        "en": (
            "Cholera Alert",
            "Suspected cholera in {area}",
            "Drink treated water only. Bring anyone with watery diarrhoea to a clinic at once.",
        ),
        "fr": (
            "Alerte choléra",
            "Cas suspects de choléra : {area}",
            "Ne buvez que de l'eau traitée. En cas de diarrhée aqueuse, consultez aussitôt.",
        ),
        "ar": (
            "إنذار الكوليرا",
            "حالات كوليرا مشتبه بها في {area}",
            "اشربوا الماء المعالج فقط. انقلوا المصاب بإسهال مائي إلى العيادة فوراً.",
        ),
    },
    "surf": {
        "en": ("High Surf Advisory", "High waves along the shore of {area}", "Small craft stay in harbour."),
        "fr": (
            "Avis de forte houle",
            "Forte houle sur les côtes : {area}",
            "Les petites embarcations restent au port.",
        ),
        "ar": ("تنبيه أمواج عالية", "أمواج عالية على سواحل {area}", "على القوارب الصغيرة البقاء في الميناء."),
    },
    "heat": {
        "en": (
            "Heat Advisory",
            "Hot days ahead in {area}",
            "Drink often and look after old people and small children.",
        ),
        "fr": (
            "Avis de chaleur",
            "Fortes chaleurs : {area}",
            "Buvez souvent ; veillez sur les personnes âgées et les enfants.",
        ),
        "ar": ("تنبيه موجة حر", "أيام حارة في {area}", "أكثروا من الشرب واعتنوا بكبار السن والأطفال."),
    },
    "storm": {
        "en": ("Thunderstorm Warning", "Thunderstorms over {area}", "Stay indoors and away from rivers."),
        "fr": ("Alerte orages", "Orages : {area}", "Restez à l'intérieur et loin des rivières."),
        "ar": ("تحذير من عواصف رعدية", "عواصف رعدية فوق {area}", "ابقوا في الداخل وبعيداً عن الأنهار."),
    },
}
"""Kind -> language -> event, headline and advice."""


@dataclass(frozen=True)
class Alert:
    """One CAP message. `areas` are warned by polygon, `circle` (lon, lat, km) by circle; `before` is what it refers to."""

    number: int
    kind: str
    sent: datetime
    areas: tuple[Area, ...]
    circle: tuple[float, float, float] | None = None
    msg_type: str = "Alert"
    severity: str = ""
    before: tuple[Alert, ...] = field(default=())

    @property
    def identifier(self) -> str:
        return f"2.49.0.0.{names.ISO_NUMBER}.0.{self.sent:%Y.%m.%d}.{self.number}"

    @property
    def reference(self) -> str:
        return f"{SENDER},{self.identifier},{offset(self.sent)}"


def message(alert: Alert) -> bytes:
    """The XML document of one message."""
    kind = KINDS[alert.kind]
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">',
        f"  <identifier>{alert.identifier}</identifier>",
        f"  <sender>{SENDER}</sender>",
        f"  <sent>{offset(alert.sent)}</sent>",
        "  <status>Exercise</status>",
        f"  <msgType>{alert.msg_type}</msgType>",
        "  <scope>Public</scope>",
        "  <note>EXERCISE EXERCISE EXERCISE</note>",
    ]
    if alert.before:
        out.append(f"  <references>{' '.join(earlier.reference for earlier in alert.before)}</references>")
    for language, (event, headline, advice) in TEXTS[alert.kind].items():
        out += _info(alert, kind, language, event, headline, advice)
    out.append("</alert>")
    return ("\n".join(out) + "\n").encode()


def _info(alert: Alert, kind: Notice, language: str, event: str, headline: str, advice: str) -> list[str]:
    where = ", ".join(_name(area, language) for area in alert.areas)
    cancelled = alert.msg_type == "Cancel"
    lines = [
        "  <info>",
        f"    <language>{language}</language>",
        f"    <category>{kind.category}</category>",
        f"    <event>{escape(event)}</event>",
        f"    <responseType>{'AllClear' if cancelled else kind.response}</responseType>",
        f"    <urgency>{'Past' if cancelled else kind.urgency}</urgency>",
        f"    <severity>{'Minor' if cancelled else alert.severity or kind.severity}</severity>",
        f"    <certainty>{kind.certainty}</certainty>",
        f"    <eventCode><valueName>profile:exercise</valueName><value>{alert.kind}</value></eventCode>",
        f"    <effective>{offset(alert.sent)}</effective>",
        f"    <onset>{offset(alert.sent + timedelta(hours=1))}</onset>",
        f"    <expires>{offset(alert.sent + timedelta(hours=kind.hours))}</expires>",
        f"    <senderName>{escape(kind.sender)} of {names.COUNTRY}</senderName>",
        f"    <headline>{escape(headline.format(area=where))}</headline>",
        f"    <description>{escape(headline.format(area=where))}. EXERCISE.</description>",
        f"    <instruction>{escape(advice)}</instruction>",
        "    <web>https://met.example/alerts</web>",
        "    <area>",
        f"      <areaDesc>{escape(where)}</areaDesc>",
    ]
    for area in alert.areas if alert.circle is None else ():
        lines += [f"      <polygon>{_lat_lon(part)}</polygon>" for part in _outline(area.shape)]
    if alert.circle is not None:
        lon, lat, km = alert.circle
        lines.append(f"      <circle>{lat:.4f},{lon:.4f} {km:.1f}</circle>")
    lines += [
        f"      <geocode><valueName>P-code</valueName><value>{area.pcode}</value></geocode>" for area in alert.areas
    ]
    return [*lines, "    </area>", "  </info>"]


def _name(area: Area, language: str) -> str:
    return {"fr": names.french, "ar": names.arabic}.get(language, str)(area.name)


def _outline(shape: BaseGeometry) -> list[BaseGeometry]:
    parts = shapely.get_parts(shape.simplify(0.015))
    return [shapely.get_exterior_ring(part) for part in parts]


def _lat_lon(ring: BaseGeometry) -> str:
    return " ".join(f"{lat:.4f},{lon:.4f}" for lon, lat in shapely.get_coordinates(ring))


def river_areas(world: World, river: int) -> tuple[Area, ...]:
    """The level-2 areas that a river runs along."""
    line = world.rivers[river].shape
    return tuple(area for area in world.levels[2] if area.shape.distance(line) < 0.005)[:5]


def coastal(world: World, rng: np.random.Generator) -> tuple[Area, tuple[float, float, float]]:
    """A coastal level-2 area and a circle over its shore."""
    places = [town for town in world.towns if world.coast.main.exterior.distance(shapely.Point(town.x, town.y)) < 12]
    town = places[int(rng.integers(len(places)))]
    lon, lat = degrees(np.array([[town.x, town.y]]))[0]
    return world.area_of(town.cell, 2), (float(lon), float(lat), 35.0)


def history(seed: int, world: World, now: datetime) -> list[Alert]:
    """Messages of the last days: some in force, one updated, one cancelled, one expired."""
    rng = random(seed, 41)
    longest = int(np.argmax([river.shape.length for river in world.rivers]))
    flooded = river_areas(world, longest)
    shore, circle = coastal(world, rng)
    north = tuple(area for area in world.levels[2] if area.parent == world.area_of(world.towns[0].cell, 1).pcode)
    sick = world.levels[2][int(rng.integers(len(world.levels[2])))]
    hot = tuple(area for area in world.levels[2] if area.parent == world.levels[1][0].pcode)

    def hours(back: float) -> datetime:
        return (now - timedelta(hours=back)).astimezone(ZONE).replace(second=0, microsecond=0)

    heat = Alert(1, "heat", hours(80), hot)
    cholera = Alert(2, "cholera", hours(61), (sick,))
    surf = Alert(3, "surf", hours(27), (shore,), circle)
    flood = Alert(4, "flood", hours(19), flooded[:3], severity="Moderate")
    calm = Alert(5, "surf", hours(9), (shore,), circle, "Cancel", before=(surf,))
    cyclone = Alert(6, "cyclone", hours(7), north)
    rising = Alert(7, "flood", hours(2.2), flooded, msg_type="Update", before=(flood,))
    storm = Alert(8, "storm", hours(0.4), (shore,), circle)
    return [heat, cholera, surf, flood, calm, cyclone, rising, storm]
