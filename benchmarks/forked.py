"""Jobs in forked processes that inherit all that is loaded: what each found, or how it ended."""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import sys
import time
import traceback
from typing import Any


class TooSlow(BaseException):
    """A test ran longer than a part of the battery may."""


def too_slow(*_: Any) -> None:
    """What a timer calls."""
    raise TooSlow


class Child:
    """A forked process that works something out; a text says how it ended where it did not."""

    def __init__(self, job: Any, limit_s: float) -> None:
        sys.stdout.flush()
        self.pipe, theirs = os.pipe()
        self._end = time.perf_counter() + 20.0 * limit_s  # by the clock; the machine may be busy
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self.pipe)
            code = 1
            try:
                spent = int(sum(os.times()[:2]))
                resource.setrlimit(resource.RLIMIT_CPU, (spent + int(limit_s), spent + int(limit_s) + 5))
                data = pickle.dumps(job())
                with os.fdopen(theirs, "wb") as pipe:
                    pipe.write(data)
                code = 0
            except Exception:
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(theirs)

    def is_late(self) -> bool:
        return time.perf_counter() > self._end

    def wait(self) -> Any:
        """What the job found."""
        data = b""
        while True:
            left = self._end - time.perf_counter()
            if left <= 0.0 or not select.select([self.pipe], [], [], left)[0]:
                os.kill(self._pid, signal.SIGKILL)
                break
            part = os.read(self.pipe, 1 << 16)
            if not part:
                break
            data += part
        os.close(self.pipe)
        status = os.waitpid(self._pid, 0)[1]
        if os.WIFSIGNALED(status):
            return "time: it does not end"
        return pickle.loads(data) if data else "end: it ends the program"
