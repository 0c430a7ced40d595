"""What the compiler refuses although it can be evaluated: a loop stands at the top, or is a property of a resource."""

from collections.abc import Iterator

from infra.check.problem import Place, Report
from infra.check.syntax import Declaration, File, Node


def check(tree: File, name: str, report: Report) -> None:
    """Says each loop that stands elsewhere (the compiler's BCP138)."""
    for declaration in [*tree.declared.values(), *tree.outputs.values()]:
        for line in _misplaced(declaration):
            report.say(Place(name, line), "a loop cannot stand here: map() can, or a variable of its own")


def _misplaced(declaration: Declaration) -> Iterator[int]:
    if declaration.value:
        in_properties = declaration.kind in ("resource", "module")
        yield from _walk(declaration.value, may=declaration.kind != "param", in_properties=in_properties)


def _walk(node: Node, may: bool, in_properties: bool) -> Iterator[int]:
    if node.kind == "for":
        if not may:
            yield node.line
        yield from _walk(node.parts[2], may=False, in_properties=False)
        yield from _walk(node.parts[3], may=False, in_properties=in_properties)
    elif node.kind == "if":
        yield from _walk(node.parts[1], may=False, in_properties=in_properties)
    elif node.kind == "object":
        for _, *rest in node.parts:
            if isinstance(rest[0], Declaration):
                yield from _misplaced(rest[0])
            else:
                yield from _walk(rest[1], may=in_properties, in_properties=in_properties)
    else:
        for part in node.parts:
            for each in part if isinstance(part, tuple) else (part,):
                if isinstance(each, Node):
                    yield from _walk(each, may=False, in_properties=False)
