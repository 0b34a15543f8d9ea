# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls on extended attributes (xattr(7)).

The namespace of a name decides who may use it: that is asked first,
then whether the file system knows the namespace, then whether the attribute is there.
"""

from __future__ import annotations

from reference.constants.errors import E2BIG, EACCES, EEXIST, EINVAL, ENODATA, EOPNOTSUPP, EPERM, ERANGE
from reference.constants.file_status import S_IFDIR, S_IFMT, S_IFREG, S_ISVTX, XATTR_CREATE, XATTR_REPLACE
from reference.linux.extended_attributes import SYSTEM, TRUSTED, USER
from reference.linux.inode import Inode
from reference.linux.objects import FileObject
from reference.linux.permissions import MAY_READ, MAY_WRITE
from reference.linux.profile import NEVER
from reference.linux.releases import ATTRIBUTES_BY_VALUE_SINCE
from reference.linux.state import KernelState
from reference.outcomes import Refused

NAME_BYTES_MAX = 255
VALUE_BYTES_MAX = 65536


class ExtendedAttributeCalls(KernelState):
    """fsetxattr(2), fgetxattr(2), flistxattr(2), fremovexattr(2)."""

    def fsetxattr(self, fd: int, name: str, value: bytes, flags: int) -> int:
        """fsetxattr(2)."""
        # CHECK
        self._resolve_first(fd)
        if flags & ~(XATTR_CREATE | XATTR_REPLACE):
            raise Refused(EINVAL, "XATTR-FLAGS")
        _check_name(name)
        if len(value) > VALUE_BYTES_MAX:
            raise Refused(E2BIG, "XATTR-VALUE-LENGTH")
        # RESOLVE
        target = self.description(fd).object
        inode = self._inode_with(target, name, MAY_WRITE)
        known = inode.extended_attributes
        # CHECK
        if name in known.values:
            if flags & XATTR_CREATE:
                raise Refused(EEXIST, "XATTR-CREATE")
        elif flags & XATTR_REPLACE:
            raise Refused(ENODATA, "XATTR-REPLACE")
        # CHANGE
        known.put(name, value)
        inode.status_changed()
        return 0

    def fgetxattr(self, fd: int, name: str, size: int) -> tuple[int, bytes]:
        """fgetxattr(2): the length of the value, and the value unless ``size`` is 0."""
        # CHECK
        self._resolve_first(fd)
        _check_name(name)
        # RESOLVE
        target = self.description(fd).object
        value = target.builtin_attributes.get(name)
        if value is None:
            value = self._inode_with(target, name, MAY_READ).extended_attributes.values.get(name)
        # CHECK
        if value is None:
            raise Refused(ENODATA, "XATTR-MISSING")
        if 0 < size < len(value):
            raise Refused(ERANGE, "XATTR-SIZE")
        # RETURN
        return len(value), value if size else b""

    def flistxattr(self, fd: int, size: int) -> tuple[int, tuple[str, ...]]:
        """flistxattr(2): the bytes that the names take with a NUL behind each; the names, sorted, unless it is 0."""
        # RESOLVE
        target = self.description(fd).object
        names = sorted((*target.builtin_attributes, *target.extended_attributes.values))
        length = sum(len(name.encode()) + 1 for name in names)
        # CHECK
        if 0 < size < length:
            raise Refused(ERANGE, "XATTR-SIZE")
        # RETURN
        self.cite("XATTR-LIST")
        return length, tuple(names) if size else ()

    def fremovexattr(self, fd: int, name: str) -> int:
        """fremovexattr(2)."""
        # CHECK
        self._resolve_first(fd)
        _check_name(name)
        # RESOLVE
        target = self.description(fd).object
        inode = self._inode_with(target, name, MAY_WRITE)
        known = inode.extended_attributes
        # CHECK
        if name not in known.values:
            raise Refused(ENODATA, "XATTR-MISSING")
        # CHANGE
        known.remove(name)
        inode.status_changed()
        return 0

    def _inode_with(self, target: FileObject, name: str, wanted: int) -> Inode:
        """The inode of an object that may have an attribute of this name, and lets the caller use it so."""
        self._check_use(target, name, wanted)
        filesystem = target.filesystem
        namespace = next((prefix for prefix in (USER, TRUSTED) if name.startswith(prefix)), None)
        since = (2, 6) if namespace == TRUSTED and filesystem.attributes_since != NEVER else filesystem.attributes_since
        if namespace is None or self.profile.kernel < since:
            raise Refused(EOPNOTSUPP, "XATTR-NAMESPACE")
        if target.shared and self.choices.refused(EOPNOTSUPP):
            raise Refused(EOPNOTSUPP, "XATTR-NAMESPACE")
        if name == namespace:
            raise Refused(EINVAL, "XATTR-NAME-EMPTY")
        assert isinstance(target, Inode)
        return target

    def _check_use(self, target: FileObject, name: str, wanted: int) -> None:
        """Refuse a name whose namespace the caller may not use on this object."""
        unseen = Refused(EPERM, "XATTR-USER-KIND") if wanted & MAY_WRITE else Refused(ENODATA, "XATTR-USER-KIND")
        if name.startswith(SYSTEM):
            return
        if name.startswith(TRUSTED):
            self._check_trusted(wanted)
            return
        if name.startswith(USER):
            mode = target.stat().mode
            if mode & S_IFMT not in (S_IFREG, S_IFDIR):
                raise unseen
            if mode & S_IFMT == S_IFDIR and mode & S_ISVTX and wanted & MAY_WRITE and not target.owned():
                raise Refused(EPERM, "XATTR-STICKY")
        if not target.permits(wanted):
            raise Refused(EACCES, "XATTR-PERMISSION")

    def _resolve_first(self, fd: int) -> None:
        """Refuse a descriptor that is not open before the other arguments are looked at, on kernels that do."""
        if self.profile.kernel < ATTRIBUTES_BY_VALUE_SINCE:
            self.description(fd)

    def _check_trusted(self, wanted: int) -> None:
        """Only CAP_SYS_ADMIN sees these attributes, and containers often withhold it from root."""
        error = EPERM if wanted & MAY_WRITE else ENODATA
        if not self.profile.capable or self.choices.refused(error):
            raise Refused(error, "XATTR-TRUSTED")


def _check_name(name: str) -> None:
    """ERANGE for a name that is empty or too long."""
    if not 0 < len(name.encode()) <= NAME_BYTES_MAX:
        raise Refused(ERANGE, "XATTR-NAME-LENGTH")
