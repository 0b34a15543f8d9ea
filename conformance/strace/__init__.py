# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads what strace(1) wrote of a real program, and tells it as a program of ours.

``values`` reads one argument, ``log`` the lines, ``processes`` follows who holds which descriptor, ``files`` which file
lies where; ``calls`` says what each call becomes, and ``importer`` runs them all.
"""
