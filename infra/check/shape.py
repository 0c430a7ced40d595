"""What is wrong with a file whatever its parameters are: a loop where none can stand, a name that nothing uses."""

from collections.abc import Iterator

from infra.check.problem import Place, Report
from infra.check.syntax import Declaration, File, Node


def check(tree: File, name: str, report: Report) -> None:
    """Says each loop that stands neither at the top nor as a property of a resource or module (the compiler's BCP138),
    and each parameter and variable that is used nowhere."""
    used = {each for declaration in _all(tree) for each in _names(declaration)}
    for declaration in tree.declared.values():
        if declaration.kind in ("param", "var") and declaration.name not in used and not tree.using:
            report.say(Place(name, declaration.line), f"{declaration.name} is used nowhere")
    for declaration in _all(tree):
        for line in _misplaced(declaration):
            report.say(Place(name, line), "a loop cannot stand here: map() can, or a variable of its own")


def _all(tree: File) -> list[Declaration]:
    return [*tree.declared.values(), *tree.outputs.values()]


def _names(declaration: Declaration) -> Iterator[str]:
    """Every name that a declaration reads."""
    waiting: list[object] = [declaration.value, *declaration.decorators.values()]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Node):
            if part.kind == "name":
                yield str(part.parts[0])
            waiting += part.parts
        elif isinstance(part, tuple):
            waiting += part
        elif isinstance(part, Declaration):
            yield from _names(part)


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
