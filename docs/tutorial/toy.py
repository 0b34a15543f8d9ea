# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A system that has nothing but pipes, all in memory, and the adapter that puts it to the test."""

import base64
import json
import sys

# The system: this is where yours would be -----------------------------------------------------------

EBADF, EAGAIN, EINVAL, EMFILE, EPIPE = 9, 11, 22, 24, 32
SIGPIPE = 13
O_NONBLOCK, O_CLOEXEC = 0o4000, 0o2000000
PIPE_BYTES, ATOMIC_BYTES = 65536, 4096


class Blocked(Exception):
    """The call would sleep, and nobody else is there to wake it."""


class Pipe:
    """What lies between two ends."""

    def __init__(self):
        self.data = bytearray()
        self.readers = self.writers = 1


class End:
    """One end of a pipe, however many descriptors it has."""

    def __init__(self, pipe, writes, flags):
        self.pipe, self.writes, self.waits, self.descriptors = pipe, writes, not flags & O_NONBLOCK, 1

    def wait(self):
        raise Blocked if self.waits else OSError(EAGAIN, "")


class Toy:
    """One process of the system: its methods are its calls."""

    def __init__(self, descriptors_max):
        self.descriptors_max = descriptors_max
        self.table = {}

    def lowest(self, taken=()):
        for number in range(3, self.descriptors_max):
            if number not in self.table and number not in taken:
                return number
        raise OSError(EMFILE, "")

    def end(self, fd):
        if fd not in self.table:
            raise OSError(EBADF, "")
        return self.table[fd]

    def pipe2(self, flags):
        if flags & ~(O_NONBLOCK | O_CLOEXEC):
            raise OSError(EINVAL, "")
        reader = self.lowest()
        writer = self.lowest([reader])
        pipe = Pipe()
        self.table[reader], self.table[writer] = End(pipe, False, flags), End(pipe, True, flags)
        return [reader, writer]

    def dup(self, fd):
        end = self.end(fd)
        made = self.lowest()
        end.descriptors += 1
        self.table[made] = end
        return made

    def close(self, fd):
        end = self.end(fd)
        del self.table[fd]
        end.descriptors -= 1
        if not end.descriptors and end.writes:
            end.pipe.writers = 0
        elif not end.descriptors:
            end.pipe.readers = 0
        return 0

    def read(self, fd, count):
        end = self.end(fd)
        if end.writes:
            raise OSError(EBADF, "")
        if count and not end.pipe.data and end.pipe.writers:
            end.wait()
        data = bytes(end.pipe.data[:count])
        del end.pipe.data[:count]
        return data

    def write(self, fd, data):
        end = self.end(fd)
        if not end.writes:
            raise OSError(EBADF, "")
        if not data:
            return 0
        if not end.pipe.readers:
            raise OSError(EPIPE, "")
        room = PIPE_BYTES - len(end.pipe.data)
        if not room or (room < len(data) and (end.waits or len(data) <= ATOMIC_BYTES)):
            end.wait()
        end.pipe.data += data[:room]
        return min(room, len(data))


# The adapter ------------------------------------------------------------------------------------------

NEVER_OPEN = 1000
OFFERED = ["pipe2", "dup", "close", "read", "write"]


def value_of(argument, names):
    """What an argument stands for: a number, what a name was given to, or data."""
    if not isinstance(argument, dict):
        return argument
    if "slot" in argument:
        return names.get(argument["slot"], NEVER_OPEN)
    if "pattern" in argument:
        length, seed = argument["pattern"]
        return bytes((seed + place) % 251 for place in range(length))
    return base64.b64decode(argument["base64"])


def observed(toy, op, names):
    """What one op gives, as the protocol has it. Names stand for what it made, from then on."""
    if op["call"] not in OFFERED:
        return {"unsupported": "the toy has no such call"}
    arguments = [value_of(argument, names) for argument in op["arguments"]]
    names.update(dict.fromkeys(op["out"], NEVER_OPEN))
    try:
        value = getattr(toy, op["call"])(*arguments)
    except Blocked:
        return {"blocked": True}
    except BrokenPipeError as error:  # what Python makes of EPIPE
        return {"errno": error.errno, "signals": [SIGPIPE]}
    except OSError as error:
        return {"errno": error.errno}
    made = value if isinstance(value, list) else [value]
    names.update(dict(zip(op["out"], made)))  # noqa: B905 (a call may make nothing)
    return {"value": {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value}


def say(**message):
    """One message is one line, and goes out at once."""
    print(json.dumps(message), flush=True)


def main():
    """Hello, programs, bye."""
    answered = 0
    say(message="hello", protocol=1, name="toy", version="1.0", capabilities={"ops": OFFERED})
    for line in sys.stdin:
        message = json.loads(line)
        if message["message"] == "bye":
            say(message="bye", programs=answered)
            return
        for program in message["programs"]:
            toy, names = Toy(message["caller"]["descriptors_max"]), {}
            observations = [observed(toy, op, names) for op in program["ops"]]
            say(message="observed", program=program["id"], observations=observations)
            answered += 1


main()
