"""shellcheck has nothing to say about any script, batch scripts and CI included."""
import lint
import tool

FINDING = r"^(.+?):(\d+):\d+: \w+: (.*)$"


def check(root):
    paths = [path for path in sorted(root.rglob("*")) if path.suffix in (".sh", ".sbatch")
             and not any(part.startswith(("build", ".git")) or part == "runs"
                         for part in path.relative_to(root).parts)]
    paths += [path for path in [root / ".ci" / "run"] if path.is_file()]
    if not paths:
        return []
    return sorted(tool.findings(root, [tool.find("shellcheck"), "-x", "-S", "warning", "-f", "gcc",
                                       *(path.relative_to(root) for path in paths)], FINDING))


def self_test():
    lint.expect(check, "a.sh", '#!/bin/bash\nfor a in "$@"; do echo "$a"; done\n')
    lint.expect(check, "a.sh", "#!/bin/bash\ncd $1\nfor a in $@; do echo $a; done\n", "a.sh:2:", "a.sh:3:")


if __name__ == "__main__":
    lint.run(check, self_test)
