"""The side of a bench that is a process: it answers one request a line."""

import subprocess


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
