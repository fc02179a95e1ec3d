"""The marks as tables for a spreadsheet, and as a page for each student."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

import jinja2

from course_utils.classroom.mark.hand_ins import clean
from course_utils.classroom.mark.verdicts import (
    LOOK,
    MISSING,
    NOT_DONE,
    RIGHT,
    WRONG,
    Asked,
    Marked,
)

VALUES = (RIGHT, WRONG, NOT_DONE, MISSING, LOOK)
PAGE = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Feedback for {{ marked.student }}</title>
<style>
body { font: 1rem/1.5 sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
pre { overflow: auto; background: #f4f4f4; padding: .5rem; direction: ltr }
</style>
<h1>Feedback for <bdi>{{ marked.student }}</bdi></h1>
<p>{{ points }} of {{ marked.verdicts | length }} exercises are right.
{% if look %}A person looks at {{ look }} more.{% endif %}</p>
{% if marked.remarks %}
<ul>
{% for remark in marked.remarks %}
<li><bdi>{{ remark }}</bdi></li>
{% endfor %}
</ul>
{% endif %}
{% for verdict in marked.verdicts %}
<h2>{{ verdict.asked.notebook }}: <code>{{ verdict.asked.name }}</code></h2>
<p><strong>{{ verdict.value }}</strong>{{ "; " if verdict.words }}{{ verdict.words }}</p>
{% if verdict.code %}
<details><summary>What you handed in</summary>
<pre dir="ltr">{{ verdict.code[:5000] }}</pre></details>
{% endif %}
{% endfor %}
</html>
""")


def table(rows: Iterable[Sequence[str | int]]) -> bytes:
    """Rows as a CSV that spreadsheets open in any script, and in which no cell is a formula."""
    lines = io.StringIO()
    for row in rows:
        cells = [clean(each) if isinstance(each, str) else each for each in row]
        csv.writer(lines).writerow(
            f"'{each}" if isinstance(each, str) and each[:1] in "=+-@" and each else each
            for each in cells
        )
    return lines.getvalue().encode("utf-8-sig")


def _title(asked: Asked) -> str:
    return f"{asked.notebook.partition('_')[0]} {asked.name}"


def _of(marked: Marked) -> dict[str, str]:
    return {_title(verdict.asked): verdict.value for verdict in marked.verdicts}


def points(marked: Marked) -> int:
    """How many answers are right."""
    return list(_of(marked).values()).count(RIGHT)


def marks(class_: list[Marked], asked: list[Asked]) -> bytes:
    """One row a student; a cell is empty where its notebook was not handed in."""
    titles = _columns(class_, asked)
    rows: list[list[str | int]] = [
        [
            marked.student,
            *(_of(marked).get(title, "") for title in titles),
            points(marked),
            len(marked.verdicts),
            "; ".join([*marked.remarks, *_words(marked)]),
        ]
        for marked in class_
    ]
    return table([["student", *titles, "points", "out of", "remarks"], *rows])


def _words(marked: Marked) -> list[str]:
    """What the row says of answers that are neither right nor merely not done."""
    return [f"{v.asked.name}: {v.words}" for v in marked.verdicts if v.words]


def _columns(class_: list[Marked], asked: list[Asked]) -> list[str]:
    handed_in = {title for marked in class_ for title in _of(marked)}
    return [title for title in map(_title, asked) if title in handed_in]


def statistics(class_: list[Marked], asked: list[Asked]) -> bytes:
    """For each exercise, how many of the class did what."""
    rows: list[list[str | int]] = [["exercise", *VALUES, "not handed in"]]
    for title in _columns(class_, asked):
        values = [_of(marked).get(title) for marked in class_]
        rows.append([title, *(values.count(value) for value in VALUES), values.count(None)])
    return table(rows)


def pages(class_: list[Marked]) -> dict[str, str]:
    """A page for each student, by the path of its file."""
    files = {}
    for number, marked in enumerate(class_, 1):
        name = re.sub(r"\W+", "_", marked.student)[:40]
        look = list(_of(marked).values()).count(LOOK)
        page = PAGE.render(marked=marked, points=points(marked), look=look)
        files[f"feedback/{number:03}_{name}.html"] = page.encode("utf-8", "replace").decode()
    return files
