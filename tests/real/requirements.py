"""requirements.py WHEEL: what WHEEL needs, less torch and its kin, one requirement a line."""
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1]) as wheel:
    metadata = wheel.read(next(n for n in wheel.namelist() if n.endswith("/METADATA"))).decode()
for line in metadata.splitlines():
    need = line.removeprefix("Requires-Dist: ")
    if need != line and "extra ==" not in need and not need.startswith("torch"):
        print(need)
