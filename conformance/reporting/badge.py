# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The verdict of a run as a badge: a small SVG, and the JSON that badge services draw one from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from conformance.clauses import Clause
from conformance.reporting.run import RunReport
from conformance.reporting.text import counted

LABEL = "fdconform"
_CHARACTER_PX = 6.5
_PADDING_PX = 8
_UNDECIDED = frozenset(("cut short", "inconclusive"))
# The name that a badge service knows, and the colour of our own image: white text on it has a contrast above 4.5.
_GREEN, _RED, _GREY = ("brightgreen", "#2e7d32"), ("red", "#c62828"), ("lightgrey", "#616161")


def badge_svg(report: RunReport, clauses: Mapping[str, Clause]) -> str:
    """The image: green when all conforms, red when something failed, grey when nobody can tell."""
    message = _message(report)
    left, right = (round(len(text) * _CHARACTER_PX + 2 * _PADDING_PX) for text in (LABEL, message))
    words = f"{LABEL}: {message}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img"'
        f" aria-label={quoteattr(words)}><title>{escape(words)}</title>"
        f'<clipPath id="round"><rect width="{left + right}" height="20" rx="3"/></clipPath>'
        f'<g clip-path="url(#round)"><rect width="{left}" height="20" fill="#444"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{_colour(report)[1]}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{left / 2:g}" y="14">{LABEL}</text>'
        f'<text x="{left + right / 2:g}" y="14">{escape(message)}</text></g></svg>\n'
    )


def badge_json(report: RunReport, clauses: Mapping[str, Clause]) -> str:
    """The same for a service that draws badges from an address."""
    document = {
        "schemaVersion": 1,
        "label": LABEL,
        "message": _message(report),
        "color": _colour(report)[0],
        "isError": not report.green,
    }
    return json.dumps(document) + "\n"


def _message(report: RunReport) -> str:
    return counted(len(report.failing_buckets), "divergence") if report.failing_buckets else report.verdict


def _colour(report: RunReport) -> tuple[str, str]:
    if report.green:
        return _GREEN
    return _GREY if report.verdict in _UNDECIDED else _RED
