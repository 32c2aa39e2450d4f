"""The bundled exercise: a country that does not exist, written as the files its agencies would send.

`generate.write` makes the payload files of two years before a reference time, `player.payloads_at` what arrives
afterwards; both speak only the partners' formats and are read through the same feeds as any other source. Everything
follows from a seed and the reference time, byte for byte. Every name, code, actor and event is invented.
"""
