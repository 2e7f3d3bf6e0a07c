"""Adds up the points, and writes each student's explanations into a file: they never see the tests themselves."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

points = defaultdict(dict)
explanations = defaultdict(list)


def pytest_addoption(parser):
    parser.addoption("--feedback", metavar="FOLDER", help="write a file for each student into this folder")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    worth = item.get_closest_marker("points")
    if worth is not None and "student" in item.callspec.params and (call.when == "call" or report.failed):
        student = item.callspec.params["student"].parent.name
        part = item.callspec.params.get("layer", item.originalname.removeprefix("test_"))
        report.user_properties += [("student", student), ("part", part), ("worth", worth.args[0])]
        if call.excinfo is not None:
            report.user_properties.append(("message", str(call.excinfo.value).partition("\n")[0]))
    return report


def pytest_runtest_logreport(report):
    said = dict(report.user_properties)
    if "student" not in said:
        return
    earned = said["worth"] if report.passed else 0
    points[said["student"]][said["part"]] = (earned, said["worth"])
    if report.failed:
        sections = getattr(report.longrepr, "sections", [])
        explained = "\n".join(text for title, text, _ in sections if title == "shapecheck")
        explanations[said["student"]].append(f"{said['part']}: {said['message']}\n\n{explained}\n")


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.section("points")
    for student, parts in sorted(points.items()):
        row = "".join(f"{part} {earned}/{worth}   " for part, (earned, worth) in parts.items())
        total, most = (sum(column) for column in zip(*parts.values(), strict=True))
        terminalreporter.write_line(f"{student:<8} {row}total {total}/{most}")
    folder = config.getoption("feedback")
    if folder is not None:
        Path(folder).mkdir(exist_ok=True)
        for student in points:
            text = "\n".join(explanations[student]) or "everything is right\n"
            (Path(folder) / f"{student}.txt").write_text(text, encoding="utf-8")
