"""What papers, channels and people publish about the exercise's country, in English, French and Arabic: some of it happened,
some is told by three outlets in nearly the same words, some is rumour, and much has nothing to do with the mission.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache

import numpy as np

from ingest.exercise import names
from ingest.exercise.world import build, random

HOURS, EVENTS = 40, 46
"""How far back the posts reach, and how many things there are to tell."""
NEWS = ("Tamaru Courier", "Le Littoral", "صوت تامارو")
CHANNEL = "Radio Upland"
SERVER = "social.example"

# topic, language, what is told; {p} is a place, {d} the area around it, {n} a number.
TEXTS: tuple[tuple[str, str, str], ...] = (
    ("clash", "en", "Heavy fighting reported near {p} in {d} since dawn, residents hear gunfire from the barracks"),
    ("clash", "en", "Armed clashes between two militias at the {p} checkpoint, {n} wounded taken to the clinic"),
    ("clash", "fr", "Affrontements armés près de {p}, des tirs entendus toute la nuit dans le district de {d}"),
    ("clash", "ar", "اشتباكات مسلحة قرب {p} في منطقة {d} والسكان يسمعون إطلاق نار منذ الفجر"),
    ("blast", "en", "Shelling hits the edge of {p}, two mortar rounds landed behind the school, {n} injured"),
    ("blast", "ar", "قصف مدفعي على أطراف {p} وسقوط قذائف هاون قرب المدرسة وإصابة {n} أشخاص"),
    ("civilians", "en", "Gunmen abducted {n} villagers on the way to {p} market, families are waiting for news"),
    ("civilians", "fr", "Des hommes armés ont enlevé {n} personnes sur la route du marché de {p} ({d})"),
    ("road", "en", "Bridge collapsed on the road from {p} to {d}, trucks stuck on both sides since last night"),
    ("road", "fr", "Route coupée entre {p} et {d} après les pluies, les camions font demi-tour"),
    ("road", "ar", "الطريق مغلق بين {p} و{d} بعد انهيار الجسر والشاحنات عالقة منذ أمس"),
    ("flood", "en", "River burst its banks at {p}: {n} houses under water, flood still rising say volunteers"),
    ("flood", "fr", "Inondations à {p} : {n} maisons sous les eaux, les familles cherchent un abri à l'école"),
    ("flood", "ar", "فيضان النهر في {p} والمياه تغمر {n} منزلا والعائلات تبحث عن مأوى"),
    (
        "displacement",
        "en",
        "About {n} families displaced from {p} arrived in {d} with nothing, host community asks for shelter",
    ),
    ("displacement", "fr", "Environ {n} familles déplacées de {p} sont arrivées à {d}, elles manquent de tout"),
    ("displacement", "ar", "نزوح {n} عائلة من {p} إلى {d} ونداء عاجل لتوفير المأوى والطعام"),
    ("looting", "en", "Warehouse looted in {p} overnight, sacks of maize carried away on motorbikes"),
    ("looting", "ar", "نهب مخزن في {p} خلال الليل وسرقة أكياس الذرة"),
    ("protest", "en", "Teachers protest in {p} over unpaid salaries, march to the governor's office was peaceful"),
    ("protest", "fr", "Manifestation pacifique des enseignants à {p} pour réclamer des salaires impayés"),
    ("disease", "en", "Clinic in {p} reports {n} cases of watery diarrhoea in three days, cholera tests sent to {d}"),
    ("disease", "ar", "تسجيل {n} حالات إسهال في {p} ومخاوف من تفشي الكوليرا في {d}"),
    ("aid", "en", "Aid convoy attacked on the road to {p}, driver wounded and one truck burnt, says NGO staff"),
    ("mine", "en", "Children found an unexploded mortar bomb near the well in {p}, area marked, please stay away"),
    ("accident", "fr", "Accident de la route à l'entrée de {p} : un camion renversé, {n} blessés"),
    ("food", "fr", "À {p} le prix du maïs a doublé en une semaine, pénurie annoncée dans {d}"),
)
RUMOURS = (
    (
        "clash",
        "en",
        "Unconfirmed: people say rebels took control of {p} this morning, can anyone confirm? Forwarded as received",
    ),
    ("disease", "fr", "Selon des rumeurs l'eau traitée rend malade à {p}, on dit que trois malades sont à l'hôpital"),
    ("blast", "ar", "يقال إن غارات جوية وقعت قرب {p} الليلة والخبر غير مؤكد"),
)
IDLE = (
    ("en", "What a match! {p} United scored twice in the last five minutes, the striker is on fire"),
    ("en", "New restaurant opened by the harbour in {p}, the fish is fresh and the music festival starts Friday"),
    ("fr", "Mariage de ma cousine à {p} ce samedi, quelle fête et quel concert"),
    ("ar", "مباراة كرة القدم اليوم في {p} وهدف رائع في الدقيقة الأخيرة"),
    ("en", "Good morning from {p}! Sunrise over the bay, coffee and a new song for the road"),
    ("ar", "وصفة اليوم من مطبخ {p}: سمك مشوي مع الأرز"),
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """One post. `topic` and `places` are what it was made from, for measuring what is suggested of it."""

    key: str
    source: str
    outlet: str
    language: str
    text: str
    at: datetime
    topic: str
    places: tuple[str, ...]
    """P-codes of the areas it was told of."""
    event: str
    """Posts of one event tell the same story."""


def said(seed: int, now: datetime) -> list[Said]:
    """All posts up to a reference time, oldest first."""
    rng = random(seed, 97)
    hours = np.sort(rng.uniform(0.2, HOURS, EVENTS))[::-1]
    found = [
        one
        for number, back in enumerate(hours)
        for one in told(seed, rng, f"H{number}", now - timedelta(hours=float(back)))
    ]
    return sorted((one for one in found if one.at <= now), key=lambda one: (one.at, one.key))


def told(seed: int, rng: np.random.Generator, event: str, at: datetime) -> Iterator[Said]:
    """One thing that happened, is rumoured, or is idle talk, by everybody who publishes it."""
    world = build(seed)
    areas = [area for area in world.levels[3] if area.name]
    area = areas[int(rng.integers(len(areas)))]
    around = world.by_code[area.pcode[:4]]
    chance = float(rng.random())
    if chance < 0.22:
        topic, (language, text) = "not relevant", IDLE[int(rng.integers(len(IDLE)))]
    else:
        topic, language, text = (RUMOURS if chance < 0.34 else TEXTS)[
            int(rng.integers(len(RUMOURS if chance < 0.34 else TEXTS)))
        ]
    spell = {"en": lambda name: name, "fr": names.french, "ar": names.arabic}[language]
    words = text.format(p=spell(area.name), d=spell(around.name), n=int(rng.integers(3, 60)))
    places = (area.pcode,) if "{d}" not in text else (area.pcode, around.pcode)
    copies = 1 if topic == "not relevant" or rng.random() < 0.45 else int(rng.integers(2, 5))
    for copy in range(copies):
        lead = ("", "Breaking: ", "RT ", "Update - ")[copy] if language == "en" else ("", "", "RT ", "")[copy]
        tail = ("", f" #{names.COUNTRY}", " @somebody", " ...")[copy]
        way = ("press", "chatter", "chatter", "radio")[(copy + int(rng.integers(4))) % 4]
        outlet = {"press": NEWS[("en", "fr", "ar").index(language)], "chatter": SERVER, "radio": CHANNEL}[way]
        when = at + timedelta(minutes=copy * float(rng.uniform(4, 70)))
        yield Said(f"{event}-{copy}", way, outlet, language, f"{lead}{words}{tail}", when, topic, places, event)


@cache
def _known(seed: int, now: datetime) -> tuple[Said, ...]:
    return tuple(said(seed, now))


def files(seed: int, now: datetime) -> list[tuple[str, str, str, bytes]]:
    """Name, feed, source and content of what is there at a reference time."""
    known = _known(seed, now)
    of = {way: [one for one in known if one.source == way] for way in ("press", "chatter", "radio")}
    found = [
        (f"news_{number}.rss", "news", "press", rss(outlet, [one for one in of["press"] if one.outlet == outlet]))
        for number, outlet in enumerate(NEWS, 1)
    ]
    found.append(("tag_timeline.json", "mastodon", "chatter", statuses(of["chatter"])))
    found.append(("channel_export.json", "posts", "radio", channel(of["radio"])))
    return found


def rss(outlet: str, listed: Sequence[Said]) -> bytes:
    language = listed[0].language if listed else "en"
    items = [
        "<item>"
        f"<title>{html.escape(one.text[:90])}</title><link>https://press.example/{one.key}</link>"
        f'<guid isPermaLink="false">{one.key}</guid><pubDate>{format_datetime(one.at.astimezone(UTC))}</pubDate>'
        f"<description>{html.escape(f'<p>{html.escape(one.text)}. EXERCISE.</p>')}</description>"
        "</item>"
        for one in listed
    ]
    head = f"<title>{html.escape(outlet)}</title><link>https://press.example/</link><language>{language}</language>"
    body = "\n".join((head, *items))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>{body}\n</channel></rss>\n'.encode()


def statuses(listed: Sequence[Said]) -> bytes:
    """As a server's API gives a tag's timeline, newest first."""
    return json.dumps([_status(one) for one in reversed(listed)], ensure_ascii=False, indent=1).encode()


def _status(one: Said) -> dict[str, object]:
    number = f"11{int.from_bytes(one.key.encode()[-6:], 'big')}"
    stamp = one.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {
        "id": number, "created_at": stamp, "edited_at": None, "spoiler_text": "", "visibility": "public", "reblog": None,
        "language": one.language, "uri": f"https://{SERVER}/users/u{number[-3:]}/statuses/{number}",
        "url": f"https://{SERVER}/@u{number[-3:]}/{number}", "content": f"<p>{html.escape(one.text)} EXERCISE</p>",
        "reblogs_count": 0, "media_attachments": [], "account": {"acct": f"u{number[-3:]}"},
    }  # fmt: skip


def channel(listed: Sequence[Said]) -> bytes:
    """As Telegram Desktop exports a public channel."""
    messages = [_message(one) for one in listed]
    export = {"name": CHANNEL, "type": "public_channel", "id": 7, "messages": messages}
    return json.dumps(export, ensure_ascii=False, indent=1).encode()


def _message(one: Said) -> dict[str, object]:
    at = one.at.astimezone(UTC)
    return {
        "id": int.from_bytes(one.key.encode()[-5:], "big"), "type": "message", "from": CHANNEL, "text": [one.text, " EXERCISE"],
        "date": at.strftime("%Y-%m-%dT%H:%M:%S"), "date_unixtime": str(int(at.timestamp())),
    }  # fmt: skip
