"""``course sweep``: one notebook, run at every point of a grid, here or on a cluster.

`grid` reads the values and lists the runs, `worker` executes one of them, `executors` are the
processes here or the workers of a dask scheduler, `runs` keeps what came back, and `cli` is the
command. A worker gets the text of the notebook and hands back the executed notebook and its
records, so that it needs no folder in common with the command. The command alone writes: it puts a
finished run into ``runs/``, in one step, and then its records into the ledger.
"""

from course_utils.classroom.sweep.cli import command

__all__ = ["command"]
