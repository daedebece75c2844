"""Opening variables of a run file that may come from anywhere.

A result file is input from elsewhere: before a variable is read its link, class, rank, extents,
layout and filters are checked, and after it the range of everything that is followed as an
index. What does not fit is a BadFile: one line with the file, the variable, what was found and
what was expected.
"""

import functools

import h5py
import numpy as np

BYTES_MAX = 4 << 30  # of one variable in memory
TEXT_MAX = 16 << 20  # of one string
# What credence writes, and the checksums that any HDF5 has.
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
KINDS = {"text": "text", "integer": "integers", "number": "numbers"}


class BadFile(ValueError):
    """A file that is not a credence result file, or not a sound one."""


def text(value):
    """A string of the file, whatever bytes it holds."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    # h5py hands bytes that are not UTF-8 through as lone surrogates, which cannot be printed.
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_live(path):
    """Whether the file says that it is being written. Only then is it opened as one that changes:
    that reads whatever fails its checksum a hundred times, with pauses, before it gives up."""
    with open(path, "rb") as file:
        head = file.read(12)
    # Superblock version 3: signature, version, two sizes, flags; 1 is open for writing, 4 SWMR.
    return len(head) == 12 and head[8] >= 3 and head[11] & 5 == 5


def open_file(path):
    """The HDF5 file at PATH, read only; also while credence is writing it."""
    try:
        return h5py.File(path, "r", **({"libver": "latest", "swmr": True} if _is_live(path)
                                       else {}))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RuntimeError) as found:
        problem = found
    if isinstance(problem, PermissionError):
        raise problem
    why = " ".join(str(problem).split())
    raise BadFile(f"{path}: cannot be read as a credence result file ({why}); if it is a run "
                  "directory's, `credence rebuild DIR` makes it anew from the tape")


def kind_of(data):
    if h5py.check_string_dtype(data.dtype) is not None:
        return "text"
    return {"i": "integer", "u": "integer", "f": "number"}.get(data.dtype.kind, "other")


def _guarded(method):
    """METHOD(self, name, ...) whose failures inside HDF5, wherever they are, are a BadFile."""
    @functools.wraps(method)
    def guarded(self, name, *arguments, **options):
        try:
            return method(self, name, *arguments, **options)
        except BadFile:
            raise
        except (OSError, RuntimeError, KeyError, TypeError, ValueError, MemoryError) as problem:
            raise self.bad(name, " ".join(str(problem).split()) or "damaged data",
                           "readable data") from None
    return guarded


class Checked:
    """The variables of one open file."""

    def __init__(self, file, path):
        self.file, self.path = file, path

    def bad(self, name, found, expected):
        return BadFile(f"{self.path}: {name}: found {found}, expected {expected}")

    @_guarded
    def names(self, group):
        """The names in GROUP that are variables with data, in the file's order."""
        where = self._node(group)
        if not isinstance(where, h5py.Group):
            raise self.bad(group, "a variable", "a group")
        return [name for name in where if "/" not in name
                and isinstance(self._child(where, name, group), h5py.Dataset)]

    @_guarded
    def has(self, name):
        *folders, last = name.strip("/").split("/")
        node = self.file
        for folder in folders:
            if not isinstance(node, h5py.Group) or folder not in node:
                return False
            node = self._child(node, folder, name)
        return isinstance(node, h5py.Group) and last in node

    def _child(self, group, key, name):
        link = group.get(key, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise self.bad(name, "a soft or external link", "the data itself")
        return group[key]

    def _node(self, name):
        node = self.file
        for key in filter(None, name.split("/")):
            if not isinstance(node, h5py.Group) or key not in node:
                raise self.bad(name, "nothing", "a variable of that name")
            node = self._child(node, key, name)
        return node

    def shape(self, name):
        return self.data(name).shape

    @_guarded
    def data(self, name, kind=None, shape=None):
        """The dataset NAME, checked. KIND: text, integer, number (integers do); SHAPE: extents,
        None for any."""
        data = self._node(name)
        if not isinstance(data, h5py.Dataset):
            raise self.bad(name, "a group", "a variable")
        self._check_storage(name, data)
        found = kind_of(data)
        if kind is not None and found != kind and (found, kind) != ("integer", "number"):
            raise self.bad(name, f"type {data.dtype}", KINDS[kind])
        if data.shape is None or len(data.shape) > 3:
            raise self.bad(name, "no simple extents", "an array of at most 3 dimensions")
        if data.size * max(1, data.dtype.itemsize) > BYTES_MAX:
            raise self.bad(name, "extents " + " x ".join(map(str, data.shape)),
                           f"{BYTES_MAX:,} bytes at most")
        if shape is not None and (len(shape) != len(data.shape) or any(
                want is not None and want != have for want, have in zip(shape, data.shape))):
            wanted = " x ".join("any" if n is None else str(n) for n in shape)
            raise self.bad(name, "extents " + " x ".join(map(str, data.shape)),
                           f"extents {wanted}")
        return data

    def _check_storage(self, name, data):
        plist = data.id.get_create_plist()
        if plist.get_layout() == h5py.h5d.VIRTUAL:
            raise self.bad(name, "a virtual data set", "the data itself")
        if plist.get_external_count():
            raise self.bad(name, "storage in another file", "the data itself")
        filters = {plist.get_filter(i)[0] for i in range(plist.get_nfilters())}
        if not filters <= FILTERS:
            raise self.bad(name, f"filter {min(filters - FILTERS)}", "deflate and shuffle alone")

    @_guarded
    def read(self, name, kind=None, shape=None):
        """The values of NAME; strings as an object array of str."""
        data = self.data(name, kind, shape)
        values = data[()]
        if kind_of(data) == "text":
            out = np.empty(data.shape, dtype=object)
            for at, value in np.ndenumerate(values):
                out[at] = text(value[:TEXT_MAX])
            return out
        return values

    def indices(self, name, count, rows, missing=True):
        """Integers that point into ROWS rows; -1 where there is none, when MISSING."""
        values = self.read(name, "integer", (count,)).astype(np.int64)
        self.within(name, values, -1 if missing else 0, rows - 1)
        return values

    def within(self, name, values, low, high):
        wrong = np.flatnonzero((values < low) | (values > high))
        if len(wrong):
            raise self.bad(f"{name}[{wrong[0]}]", values.flat[wrong[0]], f"{low} to {high}")

    @_guarded
    def _attribute_names(self, _name):
        return list(self.file.attrs.keys())

    def attributes(self):
        """The attributes of the root that are one value: numbers and strings."""
        found = {}
        for name in self._attribute_names("the attributes"):
            try:
                identifier = h5py.h5a.open(self.file.id, name.encode())
                if int(np.prod(identifier.shape, dtype=object)) != 1:
                    continue
                value = self.file.attrs[name]
            except (OSError, RuntimeError, TypeError, ValueError, KeyError):
                continue
            value = value.item() if isinstance(value, (np.ndarray, np.generic)) else value
            if isinstance(value, (bytes, str)):
                found[name] = text(value)
            elif isinstance(value, (int, float)):
                found[name] = value
        return found

    @_guarded
    def words(self, name, fallback=()):
        """The words of a flag variable, {value: word}, as its attributes say."""
        found = dict(enumerate(fallback))
        attributes = self.data(name).attrs
        try:
            values = np.atleast_1d(attributes["flag_values"])
            meanings = text(attributes["flag_meanings"]).split()
        except (KeyError, OSError, RuntimeError, TypeError, ValueError, AttributeError):
            return found
        if len(values) == len(meanings) and values.dtype.kind in "iu":
            found.update(zip((int(v) for v in values), meanings))
        return found
