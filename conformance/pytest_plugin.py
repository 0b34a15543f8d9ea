# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures and Hypothesis profiles for property tests that hold a system against another.

Profiles: ``dev`` (default, few examples), ``ci`` (derandomised: the same programs in every run), ``smoke`` (the first
few of these), ``glance`` (fewer still), ``campaign`` (many examples).
Choose with the environment variable HYPOTHESIS_PROFILE.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from conformance.environment import profile_for, working_base
from conformance.systems.c_binary import chosen_worker
from conformance.systems.native_worker import NATIVE_CALLS, NativeWorker
from conformance.systems.native_workers import native_worker
from reference.linux.profile import Profile

_SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)


def pytest_configure(config: pytest.Config) -> None:
    """Register the profiles and load the one that the environment names."""
    dev = settings(max_examples=50, deadline=None, suppress_health_check=_SLOW_IS_FINE)
    settings.register_profile("dev", dev)
    settings.register_profile("smoke", dev, derandomize=True, database=None)
    settings.register_profile("glance", dev, derandomize=True, database=None, max_examples=10)
    settings.register_profile("ci", dev, derandomize=True, database=None, max_examples=200)
    settings.register_profile("campaign", dev, max_examples=5000)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(scope="session")
def profile() -> Profile:
    """The profile of programs on this machine."""
    return profile_for(working_base(None))


@pytest.fixture(scope="session")
def native(profile: Profile) -> Iterator[NativeWorker]:
    """A worker on the running kernel, kept for the whole session: as in a campaign, in C where it can be built."""
    with native_worker(NATIVE_CALLS, profile, working_base(None), chosen_worker("auto").binary) as worker:
        yield worker
