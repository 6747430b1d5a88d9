"""The read models' SQL, written for PostgreSQL, in the words of Spark.

As in ``replay.archive.dialect`` there is one definition of each read model, and rules over the
parsed query. JSON is text here, taken apart by ``get_json_object``; instants are in UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import UnsupportedError

from replay.archive.dialect import (
    as_json,
    call,
    inline_record,
    is_state_text,
    listed,
    looked_up,
    with_a_list,
    written_date,
)

_NUMERIC = exp.DataType.build("DECIMAL(38, 0)", dialect="spark")
_INSTANT = exp.DataType.build("TIMESTAMP_NTZ", dialect="spark")
_INTEGERS = exp.DataType.build("ARRAY<INT>", dialect="spark")
_JSON_LIST = exp.Literal.string("array<string>")
_ITEM = "item"
_INFINITE = {"infinity": "+10000-01-01", "-infinity": "0000-12-31"}
"""After the last day that a ledger has, and before its first: Spark's days are all finite."""


class Translated(NamedTuple):
    """A query as Spark runs it, and which columns of its answer are JSON."""

    text: str
    json: frozenset[str]


@lru_cache(maxsize=256)
def translated(query: str) -> Translated:
    """Return a query of PostgreSQL as Spark runs it; the answer's values and order are the same.

    Raises SqlglotError for one with what Spark does not have.
    """
    tree = sqlglot.parse_one(query, dialect="postgres")
    json: set[str] = set()
    for select in list(tree.find_all(exp.Select)):
        _take_apart(select, json)
    for node in reversed(list(tree.dfs())):
        rule = _RULES.get(type(node))
        if rule is not None:
            node.replace(rule(node))
    text = tree.sql(dialect="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
    return Translated(text, frozenset(json))


def _take_apart(select: exp.Select, json: set[str]) -> None:
    """Put what is made of JSON, or of values row by row, as Spark makes it."""
    for join in list(select.args.get("joins") or ()):
        lateral = join.this
        if not isinstance(lateral, exp.Lateral):
            continue
        if isinstance(lateral.this, exp.Subquery) and isinstance(lateral.this.this, exp.Values):
            lateral.set("this", _rows(lateral.this.this))
            continue
        if isinstance(lateral.this, exp.ExplodingGenerateSeries):
            lateral.set("this", call("explode", _series(lateral.this)))
            lateral.set("alias", _named(lateral.alias, lateral.alias))
            continue
        if not isinstance(lateral.this, exp.Anonymous):
            continue
        name = str(lateral.this.this).lower()
        source = as_json(lateral.this.expressions[0])
        if name.startswith("jsonb_to_record"):
            columns = lateral.args["alias"].columns
            json |= {each.name for each in columns if each.args["kind"].is_type(exp.DType.JSONB)}
        if name == "jsonb_to_record":
            inline_record(select, lateral, source)
            join.pop()
        elif name == "jsonb_to_recordset":
            inline_record(select, lateral, exp.column(_ITEM, lateral.alias))
            lateral.set("this", call("explode", _list(source)))
            lateral.set("alias", _named(lateral.alias, _ITEM))
        elif name == "jsonb_array_elements":
            _number(select, lateral, source)


def _rows(values: exp.Values) -> exp.Expr:
    """Return rows of expressions: Spark's VALUES may not name columns of what stands before.

    Column by column, so that all values of one get one type.
    """
    columns = zip(*(row.expressions for row in values.expressions), strict=True)
    lists = [call("array", *(each.copy() for each in column)) for column in columns]
    return call("inline", call("arrays_zip", *lists))


def _series(series: exp.ExplodingGenerateSeries) -> exp.Expr:
    """Return whole numbers from one to another: where there are none, Spark's own is an error."""
    first, last, step = (series.args[name] for name in ("start", "end", "step"))
    some = call("sequence", first.copy(), last.copy(), step.copy())
    none = exp.Cast(this=call("array"), to=_INTEGERS.copy())
    return call("if", exp.LTE(this=first, expression=last), some, none)


def _number(select: exp.Select, lateral: exp.Lateral, source: exp.Expr) -> None:
    """Number the elements of a JSON list: Spark's places begin at 0."""
    alias = lateral.alias
    pair, place = (column.name for column in lateral.args["alias"].columns)
    for column in list(select.find_all(exp.Column)):
        if column.name == place and column.table in {"", alias}:
            counted: exp.Expr = exp.Paren(this=column.copy() + 1)
            if column.parent is select and column.arg_key == "expressions":
                counted = exp.alias_(counted, place)
            column.replace(counted)
    lateral.set("this", call("posexplode", _list(source)))
    lateral.set("ordinality", False)  # noqa: FBT003 - the parser's own way
    lateral.set("alias", _named(alias, place, pair))


def _named(alias: str, *columns: str) -> exp.TableAlias:
    return exp.TableAlias(
        this=exp.to_identifier(alias), columns=[exp.to_identifier(each) for each in columns]
    )


def _list(source: exp.Expr) -> exp.Expr:
    return call("from_json", source.copy(), _JSON_LIST.copy())


def _cast(node: exp.Expr) -> exp.Expr:
    assert isinstance(node, exp.Cast)
    to, value = node.to, node.this
    if is_state_text(value):
        state: exp.Expr = value.expressions[0]
        return state
    if to.is_type(exp.DType.JSONB):
        text: exp.Expr = value
        return text
    if to.is_type(exp.DType.DECIMAL) and not to.expressions:
        node.set("to", _NUMERIC.copy())
    elif to.is_type(exp.DType.TIMESTAMPTZ):
        node.set("to", _INSTANT.copy())
    elif to.is_type(exp.DType.ARRAY) and isinstance(value, exp.Literal):
        node.set("this", listed(value))
    elif to.is_type(exp.DType.DATE) and value.name in _INFINITE:
        node.set("this", exp.Literal.string(_INFINITE[value.name]))
    return node


def _contains(node: exp.Expr) -> exp.Expr:
    """Ask a JSON list for one text: ``@> '["a"]'``."""
    wanted = exp.Literal.string(node.expression.name.strip('[]"'))
    return call("array_contains", _list(node.this), wanted)


def _equals(node: exp.Expr) -> exp.Expr:
    other = node.expression
    if isinstance(other, exp.Any) and isinstance(other.this.unnest(), exp.Column):
        return call("array_contains", other.this.unnest().copy(), node.this.copy())
    return looked_up(node)


def _table(node: exp.Expr) -> exp.Expr:
    """Name what stands in a schema by one name, as views are named."""
    assert isinstance(node, exp.Table)
    if node.db:
        node.set("this", exp.to_identifier(f"{node.db}_{node.name}"))
        node.set("db", None)
    return node


def _gathered(node: exp.Expr) -> exp.Expr:
    """Refuse a list whose order counts: sqlglot would leave the order out."""
    if node.find(exp.Order):
        raise UnsupportedError("a list in an order of its own is not translated for Spark")
    return node


def _divided(node: exp.Expr) -> exp.Expr:
    """Divide as whole numbers are: read models hold no others, ratios are made of their rows."""
    return exp.IntDiv(this=node.this.copy(), expression=node.expression.copy())


def _months(node: exp.Expr) -> exp.Expr:
    """Name the second of an interval's places, which has no name in Spark."""
    assert isinstance(node, exp.MakeInterval)
    return call("make_interval", exp.Literal.number(0), node.args["month"].expression.copy())


def _function(node: exp.Expr) -> exp.Expr:
    assert isinstance(node, exp.Anonymous)
    name = str(node.this).lower()
    if name == "jsonb_array_length":
        return call("json_array_length", *node.expressions)
    if name == "set_config":
        # What PostgreSQL is told about its plans is nothing to others.
        said: exp.Expr = node.expressions[1]
        return said
    return node


_RULES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Cast: _cast,
    exp.ArrayContainsAll: _contains,
    exp.TimeToStr: written_date,
    exp.Anonymous: _function,
    exp.ArrayAgg: _gathered,
    exp.Div: _divided,
    exp.MakeInterval: _months,
    exp.Table: _table,
    exp.Select: with_a_list,
    exp.EQ: _equals,
    exp.NEQ: looked_up,
}
