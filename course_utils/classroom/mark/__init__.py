"""Mark what a class handed in: each answer in a sandbox, a row and a page for each student."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import click
from tqdm import tqdm

from course_utils.classroom import notebooks, paths
from course_utils.classroom.mark import hand_ins, pages, sandbox, verdicts
from course_utils.classroom.mark.verdicts import LOOK, Marked
from course_utils.errors import CourseError


def mark(submissions: Path, target: Path, *, seconds: float, workers: int | None) -> None:
    """Mark a folder or a zip of submissions, and write the marks into a folder."""
    submissions = paths.absolute(submissions)
    if not submissions.exists():
        raise CourseError(
            f"SUBMISSIONS: there is no folder and no zip {paths.relative(submissions)}."
        )
    own = paths.claim(target, "mark")
    if own.path.is_relative_to(submissions) or submissions.is_relative_to(own.path):
        raise CourseError(
            f"--to {target}: submissions and marks lie in one another; {paths.ELSEWHERE}"
        )
    own.check([*own.files, "marks.csv", "class.csv"])
    sources = notebooks.of_the_course()
    asked = verdicts.asked_in(sources)
    ids = {
        path.stem: {cell.id for cell in notebooks.read(path).cells if cell.cell_type == "code"}
        for path in sources
    }
    handed_in = hand_ins.find(submissions, sorted(ids, key=len, reverse=True))
    if not handed_in:
        raise CourseError(f"{submissions.name} holds no folder, notebook or zip of a student.")
    hidden = [notebooks.folder().resolve(), submissions, own.path]
    sandbox.check(hidden)

    # The work is done in the sandboxes, which are processes; a thread waits for each.
    pool = ThreadPoolExecutor(workers or os.cpu_count())
    try:
        futures = [
            pool.submit(verdicts.mark, each, asked, ids, seconds, hidden) for each in handed_in
        ]
        jobs = zip(handed_in, futures, strict=True)
        class_ = [_result(*job) for job in tqdm(jobs, "Marking", len(handed_in), unit="student")]
    finally:
        pool.shutdown(cancel_futures=True)
    files: dict[str, str | bytes] = {
        "marks.csv": pages.marks(class_, asked),
        "class.csv": pages.statistics(class_, asked),
        **pages.pages(class_),
    }
    own.replace_all(files)
    look = sum(verdict.value == LOOK for marked in class_ for verdict in marked.verdicts)
    click.echo(
        f"{len(class_)} students: {paths.relative(own.path / 'marks.csv')}, class.csv and a page "
        f"for each in feedback/. {look} answers are for you to look at."
    )


def _result(hand_in: hand_ins.HandIn, future: Future[Marked]) -> Marked:
    """Verdicts on one hand-in; what nobody foresaw in it costs no other."""
    try:
        return future.result()
    except Exception as error:
        said = f"could not be marked ({type(error).__name__}); look at it yourself"
        return Marked(hand_in.student, remarks=[said])
