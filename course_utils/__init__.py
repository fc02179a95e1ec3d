"""Helpers of the course *Overfit on Purpose*: what two or more notebooks share, no more."""

from __future__ import annotations

import os

# TensorFlow reads this when it is first imported, so it is set here, before any of our modules
# can import it. 2 hides information and warnings of the C++ log; errors still show.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

__version__ = "0.1.0"
