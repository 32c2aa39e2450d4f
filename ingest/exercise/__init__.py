"""The bundled exercise: a country that does not exist, written as the files its agencies would send.

`generate.write` makes the payload files of two years before a reference time, `player.play` and `player.payloads_at` what
arrives afterwards; both speak only the partners' formats and are read through the same feeds as any other source.
`settings.settings_toml` is the mission's settings. Everything follows from a seed and the reference time, byte for byte.
Every name, code, actor and event is invented; the island lies where the Indian Ocean holds no land.

    the land      noise, coast, areas (nested, with rivers), towns, roads, names -> world
    the events    conflict (where and when) -> incidents; cap, hazards; units; voices; routes
    the people    common_datasets (boundaries, population, places), sites, stock -> openlmis; health; response
    the files     sheet (csv), workbook (xlsx), generate; player and load keep it going

So that every mark of age is seen: `field-reports` is late at the start, `tak-east` is stale (its relay never reports
again), `disease` fails at its first poll (nothing listens at its address), and three field reports were mistyped.
"""
