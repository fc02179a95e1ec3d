"""How nbval checks the course's notebooks; a pytest plugin: ``-p nbval_rules``.

It is a plugin and not a conftest.py because the notebooks it is for are written into ``build/``.
This folder must be on the path: older IPythons bring a package ``tests`` of their own.
"""

from __future__ import annotations

import pytest
from nbval.plugin import IPyNbCell


def pytest_itemcollected(item: pytest.Item) -> None:
    # What libraries say on stderr differs between machines and is not what a cell teaches.
    if isinstance(item, IPyNbCell) and "stderr" not in item.parent.skip_compare:
        item.parent.skip_compare += ("stderr",)


def pytest_runtest_setup(item: pytest.Item) -> None:
    broken = getattr(item.parent, "broken_at", None)
    if broken:
        pytest.skip(f"{broken} of this notebook failed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    # After a failing cell the others would fail for lack of what it defines. A wrong output alone
    # does not stop the notebook.
    differs = call.excinfo is not None and "outputs differ" in str(call.excinfo.value)
    if isinstance(item, IPyNbCell) and report.failed and not differs:
        item.parent.broken_at = item.name
    return report
