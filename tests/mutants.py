"""Small wrongs put into a module, one at a time: each condition forced, turned round or with a part left out, each comparison,
bound and argument changed. What the module then is, is compiled and handed to whoever checks it."""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

TURNED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.Sub: (ast.BitAnd,),
    ast.Add: (ast.Sub,),
}
CALLS = {"min": "max", "max": "min", "_common": "_united", "_united": "_common", "_permit": "_deny_all"}


class Mutant(NamedTuple):
    name: str
    """Function, line as written, and what was done: unique within a module."""
    tree: ast.Module


def mutants(file: Path, functions: tuple[str, ...]) -> Iterator[Mutant]:
    """Every wrong that can be done to the named functions (and methods) of a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    seen: dict[str, int] = {}
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in functions]:
        for path in list(_paths(function)):
            for told, changed in _wrongs(_at(function, path)):
                whole = copy.deepcopy(tree)
                place = next(
                    n for n in ast.walk(whole) if isinstance(n, ast.FunctionDef) and n.lineno == function.lineno
                )
                _put(place, path, changed)
                name = f"{function.name}: {told}"
                seen[name] = seen.get(name, 0) + 1
                yield Mutant(name + (f" ({seen[name]})" if seen[name] > 1 else ""), ast.fix_missing_locations(whole))


def compiled(tree: ast.Module, like: ModuleType) -> ModuleType:
    """The mutant as a module of its own; `like` is the real one."""
    name = f"{like.__name__}_mutant"
    module = ModuleType(name)
    sys.modules[name] = module  # where dataclasses look up the names of their annotations
    exec(compile(tree, f"<{name}>", "exec"), module.__dict__)
    return module


Path_ = tuple[tuple[str, int | None], ...]


def _paths(node: ast.AST, at: Path_ = ()) -> Iterator[Path_]:
    if at:
        yield at
    for field, value in ast.iter_fields(node):
        if field in ("returns", "args", "decorator_list", "annotation") and isinstance(
            node, ast.FunctionDef | ast.AnnAssign
        ):
            continue
        if isinstance(value, ast.AST):
            yield from _paths(value, (*at, (field, None)))
        elif isinstance(value, list):
            for index, child in enumerate(value):
                if isinstance(child, ast.AST):
                    yield from _paths(child, (*at, (field, index)))


def _at(node: ast.AST, path: Path_) -> Any:
    for field, index in path:
        value = getattr(node, field)
        node = value if index is None else value[index]
    return node


def _put(node: ast.AST, path: Path_, changed: ast.AST) -> None:
    parent = _at(node, path[:-1])
    field, index = path[-1]
    if index is None:
        setattr(parent, field, copy.deepcopy(changed))
    else:
        getattr(parent, field)[index] = copy.deepcopy(changed)


def _wrongs(node: Any) -> Iterator[tuple[str, ast.AST]]:
    was = (
        ast.unparse(node)[:90] if not isinstance(node, ast.expr_context | ast.operator | ast.cmpop | ast.boolop) else ""
    )
    if isinstance(node, ast.If | ast.IfExp):
        for value in (True, False):
            changed = copy.deepcopy(node)
            changed.test = ast.Constant(value)
            yield f"[{ast.unparse(node.test)}] -> {value}", changed
    if isinstance(node, ast.BoolOp):
        for index in range(len(node.values)):
            left = [value for at, value in enumerate(node.values) if at != index]
            yield (
                f"[{was}] without [{ast.unparse(node.values[index])}]",
                (left[0] if len(left) == 1 else ast.BoolOp(node.op, left)),
            )
        yield f"[{was}] and <-> or", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"[{was}] without not", node.operand
    if isinstance(node, ast.Compare):
        for index, op in enumerate(node.ops):
            for other in TURNED[type(op)]:
                ops = [other() if at == index else each for at, each in enumerate(node.ops)]
                yield f"[{was}] {type(op).__name__} -> {other.__name__}", ast.Compare(node.left, ops, node.comparators)
    if isinstance(node, ast.BinOp):
        for with_ in OPERATORS.get(type(node.op), ()):
            yield f"[{was}] {type(node.op).__name__} -> {with_.__name__}", ast.BinOp(node.left, with_(), node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
        if node.func.id == "_permit":
            yield f"[{was}] -> denied", ast.Call(ast.Name("_deny", ast.Load()), [ast.Constant("")], [])
        else:
            yield (
                f"[{was}] {node.func.id} -> {CALLS[node.func.id]}",
                ast.Call(ast.Name(CALLS[node.func.id], ast.Load()), node.args, node.keywords),
            )
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Obligations", "replace"):
        for index in range(len(node.keywords)):
            left_out = [keyword for at, keyword in enumerate(node.keywords) if at != index]
            yield f"[{was}] without {node.keywords[index].arg}", ast.Call(node.func, node.args, left_out)
        if node.func.id == "Obligations":
            for index in range(len(node.args)):
                defaults = [_DEFAULTS[index] if at == index else arg for at, arg in enumerate(node.args)]
                yield f"[{was}] argument {index} default", ast.Call(node.func, defaults, node.keywords)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} -> {not node.value}", ast.Constant(not node.value)
    if isinstance(node, ast.comprehension):
        for index in range(len(node.ifs)):
            ifs = [test for at, test in enumerate(node.ifs) if at != index]
            yield f"[{was}] unfiltered", ast.comprehension(node.target, node.iter, ifs, node.is_async)
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        for index in range(len(node.elts)):
            elements = [each for at, each in enumerate(node.elts) if at != index]
            yield f"[{was}] without [{ast.unparse(node.elts[index])}]", ast.Tuple(elements, ast.Load())
    if isinstance(node, ast.AugAssign | ast.Assign | ast.Expr | ast.For) and not (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ):
        yield f"[{ast.unparse(node).splitlines()[0][:90]}] left out", ast.Pass()


_DEFAULTS = (ast.Tuple([], ast.Load()), ast.parse("Precision.exact").body[0].value, ast.Constant(1))  # type: ignore[attr-defined]
