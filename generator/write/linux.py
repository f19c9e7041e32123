"""Two calls of the Linux kernel that Python does not offer.

In: paths.  Out: two names exchanged in one step; one file system on the disk.
Both fall back where kernel, C library or file system cannot.
"""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache
from typing import Final

AT_FDCWD: Final = -100
RENAME_EXCHANGE: Final = 2
UNSUPPORTED: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})
"""What renameat2(2) answers where kernel or file system has no exchange."""


@cache
def _load_library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def exchange(first: str, second: str) -> bool:
    """Let two names change places in one step; False where that is not to be had.

    Raises:
        OSError: a name is missing, or the folder may not be written.
    """
    call = getattr(_load_library(), "renameat2", None)
    if call is None:
        return False
    if call(AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second), RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), first, None, second)


def flush_file_system(folder: str) -> None:
    """Wait until everything written so far to the folder's file system is on the disk.

    One syncfs(2) for all files; an fsync per file would cost some milliseconds each.
    """
    call = getattr(_load_library(), "syncfs", None)
    if call is None:
        os.sync()
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if call(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), folder)
    finally:
        os.close(descriptor)
