"""Refuses, by audit hook, whatever a program would do that outlives its run; reading is left alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

# Whatever leaves the process, or changes what no file name tells.
_REFUSED_EVENTS = frozenset(
    "os.system os.exec os.posix_spawn os.fork os.forkpty os.spawn os.kill os.killpg os.setxattr os.removexattr "
    "os.lockf os.startfile subprocess.Popen socket.connect socket.bind socket.sendto socket.sendmsg "
    "socket.getaddrinfo sqlite3.connect ftplib.connect http.client.connect smtplib.connect urllib.Request "
    "webbrowser.open pty.spawn fcntl.flock syslog.syslog signal.pthread_kill resource.setrlimit".split()
)
# What changes files -> the positions of their names among the event's arguments, and of the folders that they are
# relative to where these are given as descriptors. All of them must be in the run's own folder.
_FILE_EVENTS: dict[str, tuple[tuple[int, int | None], ...]] = {
    "os.remove": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.mkdir": ((0, 2),),
    "os.rmdir": ((0, 1),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.link": ((0, 2), (1, 3)),
    "os.symlink": ((1, 2),),
    "os.utime": ((0, 3),),
    "shutil.copyfile": ((1, None),),
    "shutil.copymode": ((1, None),),
    "shutil.copystat": ((1, None),),
    "shutil.copytree": ((1, None),),
    "shutil.move": ((0, None), (1, None)),
    "shutil.rmtree": ((0, 1),),
    "shutil.make_archive": ((0, None),),
    "shutil.unpack_archive": ((1, None),),
    "shutil.chown": ((0, None),),
    "tempfile.mkdtemp": ((0, None),),
    "tempfile.mkstemp": ((0, None),),
}
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC


class Refused(BaseException):
    """The program tried to touch the world; no program catches this by accident."""


class Guard:
    """An audit hook; once added to a process it stays, and refuses as long as it is armed.

    Attributes:
        own: The folder in which the program may do what it likes.
        refused: The first event that was refused; empty as long as there was none.
    """

    def __init__(self, own_folder: str) -> None:
        self.own = os.path.join(os.path.realpath(own_folder), "")
        self.armed = False
        self.refused = ""

    def install(self) -> None:
        """Begin to refuse."""
        sys.addaudithook(self)
        self.armed = True

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Hear of an event before it happens; raise `Refused` where it must not."""
        if not self.armed:
            return
        places = _FILE_EVENTS.get(event)
        if places is not None:
            refused = not all(self._is_own(arguments, *place) for place in places)
        elif event == "open":
            refused = self._writes(arguments)
        else:
            refused = event in _REFUSED_EVENTS
        if refused:
            self.refused = self.refused or event
            raise Refused(event)

    def _is_own(self, arguments: Sequence[Any], position: int, folder: int | None) -> bool:
        """Whether the file that an event names is in the run's own folder."""
        if position >= len(arguments):
            return False
        path = arguments[position]
        if isinstance(path, int) and not isinstance(path, bool):
            return True  # open already, so it has been let through
        descriptor = arguments[folder] if folder is not None and folder < len(arguments) else None
        try:
            name = os.fsdecode(path)
            if isinstance(descriptor, int) and descriptor >= 0 and not os.path.isabs(name):
                name = os.path.join(os.readlink(f"/proc/self/fd/{descriptor}"), name)
        except (TypeError, OSError):
            return False
        return self._inside(name)

    def _inside(self, name: str) -> bool:
        folder, last = os.path.split(os.path.abspath(name))
        # A link is removed or made where it is, whatever it points to.
        real = os.path.join(os.path.realpath(folder), last)
        return real.startswith(self.own) and os.path.realpath(name).startswith(self.own)

    def _writes(self, arguments: Sequence[Any]) -> bool:
        path, mode, flags = (*arguments, None, None, None)[:3]
        writing = isinstance(mode, str) and any(letter in mode for letter in "wax+")
        if not isinstance(mode, str) and isinstance(flags, int):
            writing = bool(flags & _WRITE_FLAGS)
        if not writing or isinstance(path, int):
            return False
        try:
            real = os.path.realpath(os.fsdecode(path))
        except TypeError:
            return True
        return not (os.path.join(real, "").startswith(self.own) or real == os.devnull)
