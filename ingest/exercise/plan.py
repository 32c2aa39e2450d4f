"""What the exercise's mission agreed: objectives with results, tasks, measures and their readings; joint assessments; risks.

Written as people of the mission would have on their pages, by agencies of the exercise's settings; the same seed and time give
the same records.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np

from data.access import MISSION, Mark
from data.records import Assessment, Measure, Objective, Reading, Record, Result, Risk, Sensitivity, Signature, Task
from data.store import Store
from data.written import Change, marked, write
from ingest.exercise.world import World, build, random

WHO = "exercise"
OBJECTIVES = (
    ("SO1", "Civilians and aid workers can move in safety on the main routes", "JOC",
     "Routes that carry aid stay open by day, and attacks on convoys fall."),
    ("SO2", "People in the crisis-affected districts reach life-saving health care", "MOH",
     "Facilities work, stocks last, and outbreaks are found and stopped."),
    ("SO3", "Displaced people live in sites that meet agreed minimum standards", "COORD",
     "Water, shelter and protection at every displacement site."),
    ("SO4", "Communities are heard and told what was done", "CEA", "Feedback is answered in time and changes what is done."),
)  # fmt: skip
RESULTS = (
    ("SO1", "R1.1", "Main supply routes are open", "LOG"),
    ("SO1", "R1.2", "Fewer attacks on aid and on the roads", "JOC"),
    ("SO2", "R2.1", "Health facilities are working", "MOH"),
    ("SO2", "R2.2", "No site runs out of essential medicines", "LOG"),
    ("SO2", "R2.3", "Outbreaks are stopped early", "MOH"),
    ("SO3", "R3.1", "Safe water at every displacement site", "WASH"),
    ("SO3", "R3.2", "Shelter for every displaced household", "DTM"),
    ("SO3", "R3.3", "People in need are reached", "COORD"),
    ("SO4", "R4.1", "Feedback is answered within seven days", "CEA"),
    ("SO4", "R4.2", "Civil-military contacts answer requests in time", "JOC"),
)
MEASURES = (
    # result, title, owner, figure, unit, better, baseline, target, benchmark, whose, cadence (days), readings
    ("R1.1", "Routes reported closed", "LOG", "kpi:routes_closed", "routes", "down", 30, 8, None, "", 3, (30, 27, 25)),
    ("R1.2", "Incidents in four weeks", "JOC", "incidents:28", "incidents", "down", 2_700, 1_900, None, "", 2, ()),
    ("R1.2", "Convoys attacked in a month", "JOC", "", "convoys", "down", 9, 2, 0, "Mission's own", 35,
     (9, 8, 8, 6, 7, 5, 4, 4)),
    ("R2.1", "Facilities open, of those reporting", "MOH", "kpi:facilities_open", "%", "up", 52, 80, 80, "Mission's own", 45,
     (52, 55, 58, 61)),
    ("R2.1", "Births attended by skilled staff", "MOH", "", "%", "up", 41, 70, 80, "Sphere 2018", 60,
     (41, 43, 48, 50, 53, 55)),
    ("R2.2", "Sites under seven days of supply", "LOG", "kpi:supply_under_7", "sites", "down", 120, 30, 0, "Mission's own", 7,
     (120, 108, 96)),
    ("R2.3", "Case fatality, cholera", "MOH", "", "%", "down", 3.4, 1, 1, "Sphere 2018", 10,
     (3.4, 3.1, 2.2, 1.9, 1.4, 1.2)),
    ("R2.3", "Suspected measles, cases a week", "MOH", "indicator:Suspected measles", "cases", "down", 40, 10, None, "", 14, ()),
    ("R3.1", "Water per person and day", "WASH", "", "litres", "up", 8, 15, 15, "Sphere 2018", 30,
     (8, 9.2, 9.0, 9.4, 9.3, 9.1)),
    ("R3.1", "People per usable toilet", "WASH", "", "people", "down", 61, 20, 20, "Sphere 2018", 30, (61, 52, 47, 44, 39)),
    ("R3.2", "Covered floor per person", "DTM", "", "m2", "up", 2.1, 3.5, 3.5, "Sphere 2018", 60, (2.1, 2.3, 2.6, 2.8)),
    ("R3.3", "People reached this year", "COORD", "indicator:people_reached", "people", "up", 0, 900_000, None, "", 45, ()),
    ("R4.1", "Feedback answered within seven days", "CEA", "kpi:feedback_answered", "%", "up", 35, 80, 80, "Mission's own", 7,
     (35, 44, 49)),
    ("R4.2", "Deconfliction requests answered in 24 h", "JOC", "", "%", "up", 60, 95, None, "", 14, ()),
)  # fmt: skip
TASKS = (
    ("R1.1", "Repair the two bridges on the northern supply route", "LOG", -90, 20, "underway"),
    ("R1.1", "Agree a daily window for convoys with all parties", "JOC", -120, -40, "done"),
    ("R1.2", "Joint patrol plan for market days", "FORCE", -60, -6, "underway"),
    ("R2.1", "Generator fuel for 24 health facilities", "LOG", -30, 15, "underway"),
    ("R2.1", "Second surgical team for the eastern province", "MOH", 5, 60, "planned"),
    ("R2.2", "Move the regional buffer stock forward", "LOG", -45, -10, "underway"),
    ("R2.3", "Oral cholera vaccination, second round", "MOH", -10, 25, "underway"),
    ("R2.3", "Laboratory confirms within 72 hours", "MOH", -100, -30, "done"),
    ("R3.1", "Drill six boreholes at the largest sites", "WASH", -75, 40, "underway"),
    ("R3.1", "Water trucking until boreholes run", "WASH", -75, 40, "underway"),
    ("R3.2", "Shelter kits before the rains", "DTM", -50, 10, "underway"),
    ("R3.3", "Common targeting list of partners", "COORD", -110, -60, "done"),
    ("R4.1", "Two further operators on the hotline", "CEA", -35, -12, "done"),
    ("R4.2", "Duty roster of liaison officers", "JOC", -20, 12, "underway"),
)
RISKS = (
    # code, title, cause, field, owner, province or None, likelihood, impact, mitigation, review (days), figure, how, threshold
    ("K01", "Main supply route is cut for more than three days", "Bridges weakened by flood; roadblocks", "Access", "LOG", 0,
     4, 5, "Stocks for 14 days forward; alternative route surveyed weekly", 9, "kpi:routes_closed", "at_least", 6),
    ("K02", "Attack on a convoy with loss of life", "Armed groups contest the corridor", "Security", "JOC", 1, 4, 5,
     "Deconfliction of every movement; daylight only", 4, "kpi:critical", "at_least", 4),
    ("K03", "Cholera spreads beyond the first district", "Unsafe water; late reports", "Health", "MOH", 2, 4, 4,
     "Second vaccination round; chlorination teams", 2, "indicator:Suspected cholera", "at_least", 25),
    ("K04", "Essential medicines run out at referral hospitals", "Long lead times; one supplier", "Supply", "MOH", None, 3, 5,
     "Redistribution from full stores; second supplier", 12, "kpi:supply_under_7", "at_least", 20),
    ("K05", "Feedback is not answered and trust is lost", "Hotline understaffed", "Community", "CEA", None, 3, 3,
     "Two operators more; weekly review with agencies", -3, "kpi:feedback_answered", "at_most", 60),
    ("K06", "Forced relocation of a displacement site", "Land is disputed", "Protection", "COORD", 3, 2, 4,
     "Land agreement in writing; contingency site named", 20, "", "at_least", None),
    ("K07", "Aircraft cannot land for a week", "Rain; damaged strip", "Access", "LOG", 4, 3, 3,
     "Strip repair team; helicopter on call", 18, "", "at_least", None),
    ("K08", "Measles among children who were not vaccinated", "Coverage fell during displacement", "Health", "MOH", 1, 3, 4,
     "Campaign at sites; screening on arrival", 6, "indicator:Suspected measles", "at_least", 60),
    ("K09", "Health facilities close for want of fuel", "Fuel price; no contract", "Health", "MOH", None, 2, 4,
     "Fuel contract; solar at ten facilities", 25, "kpi:facilities_open", "at_most", 50),
    ("K10", "Staff are detained at a checkpoint", "Papers not recognised", "Security", "COORD", 2, 2, 5,
     "Letters in both languages; liaison on call", 14, "", "at_least", None),
    ("K11", "Flood of the river plain before the harvest", "Season above normal is forecast", "Natural hazard", "MET", 5, 4, 3,
     "Early warning; sandbags at six places", -8, "kpi:alerts_active", "at_least", 12),
    ("K12", "False rumours about water trucking lead to violence", "Two trucks were stopped last month", "Community", "CEA", 3,
     3, 2, "Answers on local radio; community focal points", 30, "", "at_least", None),
)  # fmt: skip
ASSESSMENTS = (
    ("Access on the northern corridor improved after the daily window was agreed", "JOC", 0, 24,
     "Drivers and two site committees report fewer stops by day. Night movement remains unsafe.",
     (("LOG", "log.routes", "agrees", ""), ("COORD", "coord.access", "agrees", ""),
      ("DTM", "dtm.field", "dissents",
       "Our enumerators were stopped four times on market days; the window is not kept in the two eastern villages."))),
    ("Water at the two largest sites is below the minimum", "WASH", 2, 11,
     "9.1 litres a person and day measured at 14 tap stands; queues of two hours. Boreholes are four weeks late.",
     (("WASH", "wash.quality", "agrees", ""), ("MOH", "moh.epi", "agrees", ""), ("DTM", "dtm.sites", "agrees", ""))),
    ("Clinic closures follow fuel, not fighting", "MOH", 1, 40,
     "Of nine facilities that closed in the quarter seven had no fuel for the cold chain and none had been attacked.",
     (("MOH", "moh.planning", "agrees", ""),
      ("JOC", "joc.analysis", "dissents", "Two of the seven are on roads closed by fighting, which is why fuel did not come."))),
)  # fmt: skip


def write_plan(store: Store, now: datetime, seed: int) -> int:
    """Write all of it, as one act; how many records it is."""
    world = build(seed)
    made = [*_objectives(seed, now), *_risks(world, now)]
    write(store, WHO, "exercise.plan", [Change(one) for one in made])
    return len(made) + sum(_assess(store, world, now, number) for number in range(len(ASSESSMENTS)))


def _ours(record: Record, source: str, agency: str, open_to: tuple[str, ...] = (MISSION,)) -> Record:
    return marked(record, source, Mark(agency, Sensitivity.moderate, open_to), exercise=True)


def _objectives(seed: int, now: datetime) -> Iterator[Record]:
    begin, end = _day(now, -180), _day(now, 185)
    rng = random(seed, 95)
    for code, title, agency, text in OBJECTIVES:
        made = Objective(
            source_ref=code, code=code, title=title, description=text, starts=begin, ends=end, event_time=begin, by=WHO
        )
        yield _ours(made, "objectives", agency)
    for whole, code, title, agency in RESULTS:
        result = Result(source_ref=code, code=code, objective=whole, title=title, event_time=begin, by=WHO)
        yield _ours(result, "objectives", agency)
    for number, (whole, title, agency, starts, due, state) in enumerate(TASKS, start=1):
        task = Task(
            source_ref=f"T{number:02}", result=whole, title=title, state=state,  # type: ignore[arg-type]
            starts=_day(now, starts), due=_day(now, due), event_time=_day(now, starts), by=WHO,
        )  # fmt: skip
        yield _ours(task, "objectives", agency)
    for number, told in enumerate(MEASURES, start=1):
        whole, title, agency, figure, unit, better, baseline, target, benchmark, of, cadence, values = told
        key = f"M{number:02}"
        measure = Measure(
            source_ref=key, result=whole, title=title, unit=unit, figure=figure, better=better,  # type: ignore[arg-type]
            baseline=baseline, baseline_time=begin, target=target, target_time=end, benchmark=benchmark, benchmark_of=of,
            cadence_days=cadence, event_time=begin, by=WHO,
        )  # fmt: skip
        yield _ours(measure, "objectives", agency)
        step = 150 / max(1, len(values) - 1) if len(values) > 4 else 30
        # Before a live figure took over, its values were entered by hand.
        last = 25 if figure else int(rng.integers(2, max(3, min(20, cadence))))
        for place, value in enumerate(reversed(values)):
            at = _day(now, -last - round(place * step))
            if at < begin:
                break
            reading = Reading(
                source_ref=f"{key}/{at:%Y-%m-%d}", measure=key, title=title, value=value, event_time=at,
                description=f"Monitoring round of {agency}", by=WHO,
                completeness_pct=float(np.round(rng.uniform(62, 100))),
            )  # fmt: skip
            yield _ours(reading, "objectives", agency)


def _assess(store: Store, world: World, now: datetime, number: int) -> int:
    """Write a joint assessment, then what agencies say of that very text; how many records it is."""
    title, agency, where, days, text, signed = ASSESSMENTS[number]
    key, area = f"A{number + 1}", world.levels[1][where % len(world.levels[1])]
    at = _day(now, -days)
    note = Assessment(
        source_ref=key, title=title, description=text, event_time=at, adm_pcode=area.pcode, place=area.name,
        place_precision="adm1", by=WHO,
    )  # fmt: skip
    write(store, WHO, "exercise.plan", [Change(_ours(note, "assessments", agency))])
    revision = store.revision()
    signatures = [
        Signature(
            source_ref=f"{key}/{by_agency}", assessment=key, assessment_revision=revision, title=title,
            position=position,  # type: ignore[arg-type]
            description=why, event_time=at + timedelta(days=1), by=person, by_agency=by_agency,
            adm_pcode=area.pcode, place=area.name,
        )
        for by_agency, person, position, why in signed
    ]  # fmt: skip
    write(store, WHO, "exercise.plan", [Change(_ours(one, "assessments", agency)) for one in signatures])
    return 1 + len(signatures)


def _risks(world: World, now: datetime) -> Iterator[Record]:
    for told in RISKS:
        code, title, cause, field, agency, where, likelihood, impact, mitigation, review, figure, how, threshold = told
        area = None if where is None else world.levels[1][where % len(world.levels[1])]
        risk = Risk(
            source_ref=code, code=code, title=title, cause=cause, category=field, likelihood=likelihood, impact=impact,
            mitigation=mitigation, review=_day(now, review), figure=figure, comparison=how,  # type: ignore[arg-type]
            threshold=threshold, event_time=_day(now, -30), by=WHO,
            adm_pcode=area.pcode if area else None, place=area.name if area else "",
            place_precision="adm1" if area else "",
        )  # fmt: skip
        yield _ours(risk, "risks", agency)


def _day(now: datetime, days: int) -> datetime:
    return (now + timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
