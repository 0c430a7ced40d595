"""`python -m infra.check [DIR]`: says every mistake in the templates below DIR, and exits 1 if there is one."""

import sys
from pathlib import Path

from infra.check import agreement, cases, names, rights, rules, shape
from infra.check.lexer import BicepSyntaxError
from infra.check.problem import Place, Problem, Report
from infra.check.template import INFRA, read, render
from infra.check.types import table


def problems(root: Path = INFRA) -> list[Problem]:
    """Every problem of the templates, each once, in the order of files and lines."""
    report = Report()
    broken = False
    for path in sorted(root.rglob("*.bicep*")):
        try:
            shape.check(read(path), path.relative_to(root).as_posix(), report)
        except BicepSyntaxError as error:
            broken = True
            report.say(Place(path.relative_to(root).as_posix(), error.line), str(error))
    if not broken:  # what cannot be read cannot be rendered
        rendered = set()
        for case in cases.of(root):
            template = render(case.path, case.given, table(), report, root)
            resources = template.deployed()
            rendered |= template.files()
            names.check(resources, report)
            rules.check(resources, report)
            if case.label == cases.EXAMPLE and case.path == root / "main.bicep":
                rights.check(resources, report)
                agreement.check(resources, report)
        for path in sorted(root.rglob("*.bicep")):
            if path not in rendered:
                report.say(Place(path.relative_to(root).as_posix(), 1), "no template uses this file")
    return sorted(report.problems)


def main() -> int:
    """Prints what is wrong."""
    found = problems(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else INFRA)
    for each in found:
        sys.stdout.write(f"{each}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
