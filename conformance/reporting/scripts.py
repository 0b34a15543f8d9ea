# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The reproducers of a report's buckets, kept small: what scripts have in common is stored once.

Every text is a row of paragraphs, and most paragraphs of a script are the same in all of them. The page holds each
paragraph once, and a text as the numbers of its paragraphs. An issue holds the scripts in Python and C as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from conformance.errors import BadProgram
from conformance.events import Header
from conformance.reporting.run import Bucket
from conformance.reporting.text import printable
from conformance.reproducers.case import case_of_divergence
from conformance.reproducers.prose import scripts

SHOWN = {"python": "Python", "c": "C", "pytest": "pytest", "issue": "issue text"}
"""The forms of the page, and what they are called there."""
_PARAGRAPH = re.compile(r"(?<=\n\n)")


def scripts_json(buckets: Iterable[Bucket], header: Header) -> str:
    """Paragraphs, and for each bucket the numbers of those of each form, or why there is none; safe inside HTML."""
    places: dict[str, int] = {}
    texts = {bucket.first.bucket: _texts(bucket, header, places) for bucket in buckets}
    document = json.dumps({"parts": list(places), "texts": texts}, separators=(",", ":"), ensure_ascii=False)
    return document.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _texts(bucket: Bucket, header: Header, places: dict[str, int]) -> dict[str, Any]:
    try:
        case = case_of_divergence(bucket.first, header)
        made = {name: printable(text) for name, text in scripts(case).items()}
    except BadProgram as error:
        return {"none": printable(error.message)}
    whole = (made["python"], made["c"])
    return {name: [places.setdefault(part, len(places)) for part in _parts(text, whole)] for name, text in made.items()}


def _parts(text: str, whole: Iterable[str]) -> Iterable[str]:
    """The paragraphs of a text, each with the empty line that ends it; those of a text inside it as they are there."""
    rest = text
    for inner in whole:
        before, found, after = rest.partition(inner)
        if found:
            yield from filter(None, _PARAGRAPH.split(before))
            yield from _PARAGRAPH.split(inner)
            rest = after
    yield from filter(None, _PARAGRAPH.split(rest))
