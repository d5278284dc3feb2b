"""The sides of a bench that are processes: one that answers a request a line, and one that runs once."""

import os
import subprocess
import tempfile
import time
from pathlib import Path


class Side:
    """A process that answers one request a line."""

    def __init__(self, command):
        self.process = subprocess.Popen([str(c) for c in command], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise SystemExit(f"bench: {' '.join(self.process.args[:2])} gave up on: {request}")
        return answer


def peak_kib(pid):
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def run(command):
    """(output, wall seconds, CPU seconds, peak MiB) of a command that must succeed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as log:
        wall = time.perf_counter()
        child = subprocess.Popen([str(word) for word in command], stdout=out, stderr=log)
        # The peak that wait4 gives has in it what this process took when it started the child.
        peak, done = 0, 0
        while not done:
            peak = max(peak, peak_kib(child.pid))
            done, status, usage = os.wait4(child.pid, os.WNOHANG)
            time.sleep(0.002)
        wall = time.perf_counter() - wall
        out.seek(0), log.seek(0)
        if status:
            raise SystemExit(f"bench: {command[:3]} failed:\n{log.read().decode()[-2000:]}")
        return out.read().decode(), wall, usage.ru_utime + usage.ru_stime, peak / 1024
