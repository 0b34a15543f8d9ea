# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The kit for those who write an adapter: asks it all that a campaign may ask, and says in words what to mend."""
