# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""FIFOs (fifo(7)): a name, made by mkfifo(3), behind which openings for reading and for writing meet in one pipe.

An opening for one direction waits for an opening for the other.
With O_NONBLOCK a reader is let in alone, and a writer is refused.
An opening for both directions is its own partner.
When the last description goes, the pipe goes with its data; the name stays.
"""

from __future__ import annotations

from reference.constants.errors import ENXIO
from reference.linux.description import OpenFileDescription
from reference.linux.pipe import PipeEnds
from reference.outcomes import Refused, Sleeps


class Fifo(PipeEnds):
    """A FIFO in a directory."""

    def refuse_without_partner(self, description: OpenFileDescription) -> None:
        if not description.readable and description.nonblocking and not self.ring.readers:
            raise Refused(ENXIO, "FIFO-ENXIO")

    def wait_for_partner(self, description: OpenFileDescription) -> None:
        ring = self.ring
        if not description.readable:
            if not ring.readers:
                self.take_back(description)
                raise Sleeps("FIFO-WRITER-WAITS")
        elif not description.writable and not ring.writers:
            if not description.nonblocking:
                self.take_back(description)
                raise Sleeps("FIFO-READER-WAITS")
            # No hang-up is reported to this reader before a writer has come and gone.
            self.kernel.cite("FIFO-READER-ALONE")
            description.private = ring.writers_seen
