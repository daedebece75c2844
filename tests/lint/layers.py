"""Includes point down only; siblings never meet; each foreign library has one folder."""
import re

import lint

# Folders of one row are siblings. Rows from the bottom.
LAYERS = [["base"], ["core"], ["prompt"], ["protocol"], ["stats"],
          ["bench", "model", "cluster", "store"], ["job"], ["run", "analyze"], ["cli"]]
RANK = {folder: rank for rank, row in enumerate(LAYERS) for folder in row}

# Header -> the files that may include it.
FOREIGN = [
    (r"curl/.*", r"src/model/.*"),
    (r"mpi(-ext)?\.h", r"src/cluster/.*"),
    (r"(hdf5|hdf5_hl|H5\w+)\.h", r"src/store/.*"),
    (r"(cjson/)?cJSON\.h", r"src/base/json\w*\.c"),
    (r"csv\.h", r"src/base/csv\.c"),
    (r"zlib\.h", r"(src/bench/source|tests/unit/bench/test_mapped)\.c"),
    (r"xxhash\.h", r"src/base/hash\.c"),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
LAYER = re.compile(r"^// Layer +(\w+)", re.MULTILINE)


def header_layer(root, name):
    """The folder that owns the public header NAME, as its head says; None when it does not."""
    path = root / "include" / name
    match = LAYER.search(lint.read(path)) if path.is_file() else None
    return match.group(1) if match and match.group(1) in RANK else None


def check_foreign(name, place):
    for header, users in FOREIGN:
        if re.fullmatch(header, name) and not re.fullmatch(users, place):
            return f"<{name}> belongs to {users}"
    return None


def is_generated(folder, name):
    """True when FOLDER's own CMakeLists.txt makes NAME in the build folder."""
    rules = folder / "CMakeLists.txt"
    return rules.is_file() and f"/{name}" in lint.read(rules)


def check_own(root, path, folder, name):
    """What is wrong with a quoted include of NAME in a file of FOLDER, or None."""
    if name.startswith("credence/"):
        other = header_layer(root, name)
        if other is None:
            return f'"{name}" is no header that names its layer'
    elif "/" not in name and (path.parent / name).is_file():
        return None
    elif "/" not in name and is_generated(path.parent, name):
        return None
    else:
        other = name.split("/")[0]
        if other != folder:
            return f'"{name}" is private to {other}/'
    if other == folder or RANK[other] < RANK[folder]:
        return None
    relation = "a sibling" if RANK[other] == RANK[folder] else "above"
    return f'"{name}" is of {other}/, {relation} of {folder}/'.replace("above of", "above")


def check_file(root, path):
    place = str(path.relative_to(root))
    text = lint.read(path)
    if place.startswith("include/"):
        folder = header_layer(root, place.removeprefix("include/"))
    else:
        folder = place.split("/")[1]
    if folder not in RANK:
        return [lint.finding(root, path, 1, "no '// Layer <folder>' line at its head")]
    found = []
    for match in INCLUDE.finditer(text):
        bracket, name = match.groups()
        what = (check_own(root, path, folder, name) if bracket == '"'
                else check_foreign(name, place))
        if what:
            line = text.count("\n", 0, match.start()) + 1
            found.append(lint.finding(root, path, line, what))
    return found


def check(root):
    return [what for path in lint.c_files(root, ("src", "include"))
            for what in check_file(root, path)]


def self_test():
    public = {"include/credence/store/tape.h": "// Layer    store (5)\n",
              "include/credence/base/buf.h": "// Layer    base (0)\n",
              "include/credence/bench/bench.h": "// Layer    bench (5)\n"}

    def expect(name, text, *wanted):
        lint.expect(check, name, text, *wanted, others=public)

    expect("src/run/a.c", '#include "credence/store/tape.h"\n#include "credence/base/buf.h"\n')
    expect("src/core/a.c", '\n#include "credence/store/tape.h"\n', "src/core/a.c:2: ")
    expect("src/bench/a.c", '#include "credence/store/tape.h"\n', "a sibling of bench/")
    expect("src/bench/a.c", '#include "credence/bench/bench.h"\n')
    expect("src/run/a.c", '#include "store/h5.h"\n', "private to store/")
    expect("src/run/a.c", '#include "made.h"\n', "private to made.h/")
    lint.expect(check, "src/cli/a.c", '#include "made.h"\n',
                others={"src/cli/CMakeLists.txt": "OUTPUT ${CMAKE_BINARY_DIR}/made.h\n"})
    expect("src/run/a.c", '#include "credence/base/none.h"\n', "no header that names its layer")
    expect("include/credence/x.h", "#include <stdio.h>\n", "no '// Layer")
    expect("include/credence/x.h", '// Layer    core (1)\n#include "credence/bench/bench.h"\n',
           "bench/, above core/")
    expect("src/run/a.c", "#include <mpi.h>\n", "<mpi.h> belongs to")
    expect("src/store/a.c", "#include <hdf5.h>\n#include <stdio.h>\n")
    expect("src/base/text.c", "#include <cjson/cJSON.h>\n", "belongs to")
    expect("src/base/json.c", "#include <cjson/cJSON.h>\n")


if __name__ == "__main__":
    lint.run(check, self_test)
