"""chatd under a real systemd, told from the installation of its package to its purge.

    python3 story PACKAGE [WORD...]

Run as root, in a system that is thrown away afterwards (see `run` beside this folder). Each step is one line that
begins with `ok`, or with `FAILED`; then what systemd and the journal say of it follows. With words, only the steps
whose sentences contain one of them are told, and those that install and remove. The order of the chapters is that of
the imports; they need `apt`, `ss` and nothing else that is not in a small Debian.
"""

import sys

import stage

import install
import people  # noqa: F401 (the others use it)
import talk
import varlink
import sandbox
import others
import restart
import reload
import logs
import faults
import credentials
import examples
import package

sys.exit(1 if stage.tell() else 0)
