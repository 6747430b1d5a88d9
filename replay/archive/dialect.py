"""The read models' SQL, written for PostgreSQL, in the words of DuckDB.

There is one definition of each read model. What differs is put by rules over the parsed query:
how JSON is taken apart, rows compared with a subquery, lists and dates written. Amounts stay
exact: ``numeric`` is a whole number of 38 digits, for all that is summed is minor units.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import sqlglot
from sqlglot import exp

_NUMERIC = exp.DataType.build("DECIMAL(38, 0)", dialect="duckdb")
_JSON = exp.DataType.build("JSON", dialect="duckdb")
_JSON_LIST = exp.DataType.build("JSON[]", dialect="duckdb")
_ITEM = "item"
_STATE = "state"


@lru_cache(maxsize=256)
def translated(query: str) -> str:
    """Return a query of PostgreSQL as DuckDB runs it; the answer's values and order are the same.

    The column ``state``, bytes in PostgreSQL, is text here; an outermost one is given as bytes.
    """
    tree = sqlglot.parse_one(query, dialect="postgres")
    for select in list(tree.find_all(exp.Select)):
        _take_apart(select)
    for node in reversed(list(tree.dfs())):
        rule = _RULES.get(type(node))
        if rule is not None:
            node.replace(rule(node))
    if isinstance(tree, exp.Select):
        _state_as_bytes(tree)
    return tree.sql(dialect="duckdb")


def _take_apart(select: exp.Select) -> None:
    """Put what the columns of a record made of JSON are in the place of the record."""
    for join in list(select.args.get("joins") or ()):
        lateral = join.this
        if not isinstance(lateral, exp.Lateral):
            continue
        if isinstance(lateral.this, exp.ExplodingGenerateSeries):
            _name_series(lateral)
        if not isinstance(lateral.this, exp.Anonymous):
            continue
        name = str(lateral.this.this).lower()
        source = as_json(lateral.this.expressions[0])
        if name == "jsonb_to_record":
            inline_record(select, lateral, source)
            join.pop()
        elif name == "jsonb_to_recordset":
            inline_record(select, lateral, exp.column(_ITEM, lateral.alias))
            columns = [exp.to_identifier(_ITEM)]
            alias = exp.TableAlias(this=exp.to_identifier(lateral.alias), columns=columns)
            join.set("this", exp.Unnest(expressions=[_list(source)], alias=alias))
        elif name == "jsonb_array_elements":
            lateral.set("this", _numbered(source, lateral))
            lateral.set("ordinality", False)  # noqa: FBT003 - the parser's own way
            lateral.set("alias", exp.TableAlias(this=exp.to_identifier(lateral.alias)))


def inline_record(select: exp.Select, lateral: exp.Lateral, source: exp.Expr) -> None:
    """Put members of JSON in the place of the columns of a record made of it."""
    alias = lateral.alias
    kinds = {column.name: column.args["kind"] for column in lateral.args["alias"].columns}
    for column in list(select.find_all(exp.Column)):
        if column.table == alias and column.name in kinds:
            column.replace(member_of(source.copy(), column, kinds[column.name]))


def member_of(source: exp.Expr, column: exp.Column, kind: exp.DataType) -> exp.Expr:
    """Return a member of JSON as a value of its type, under its name where that is seen."""
    path = exp.JSONPath(
        expressions=[exp.JSONPathRoot(), exp.JSONPathKey(this=column.name)],
    )
    of_json = kind.is_type(exp.DType.JSONB) or kind.is_type(exp.DType.ARRAY)
    found: exp.Expr
    if of_json:
        found = exp.JSONExtract(this=source, expression=path)
    else:
        found = exp.JSONExtractScalar(this=source, expression=path)
    found = exp.Paren(this=found)
    if not kind.is_type(exp.DType.TEXT, exp.DType.JSONB):
        found = exp.Cast(this=found, to=kind.copy())
    if isinstance(column.parent, exp.Select) and column.arg_key == "expressions":
        return exp.alias_(found, column.name, quoted=True)
    return found


def _numbered(source: exp.Expr, lateral: exp.Lateral) -> exp.Subquery:
    """Return the elements of a JSON list with their places, from 1."""
    pair, place = (column.name for column in lateral.args["alias"].columns)
    elements = exp.select(
        exp.alias_(call("unnest", _list(source)), pair),
        exp.alias_(call("generate_subscripts", _list(source), exp.Literal.number(1)), place),
    )
    return elements.subquery()


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """Return the call of a function that is written so in any dialect."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def _list(source: exp.Expr) -> exp.Cast:
    return exp.Cast(this=source.copy(), to=_JSON_LIST.copy())


def as_json(node: exp.Expr) -> exp.Expr:
    """Read ``a -> 'b'`` as JSON where the parser takes it for a function of a."""
    if isinstance(node, exp.Lambda):
        return exp.JSONExtract(
            this=exp.column(node.expressions[0].name),
            expression=exp.JSONPath(
                expressions=[exp.JSONPathRoot(), exp.JSONPathKey(this=node.this.name)]
            ),
        )
    return node


def _cast(node: exp.Expr) -> exp.Expr:
    assert isinstance(node, exp.Cast)
    to, value = node.to, node.this
    if is_state_text(value):
        state: exp.Expr = value.expressions[0]
        return state
    if to.is_type(exp.DType.DECIMAL) and not to.expressions:
        node.set("to", _NUMERIC.copy())
    elif to.is_type(exp.DType.TIMESTAMPTZ):
        # Instants are in UTC throughout, so they need no zone of their own.
        node.set("to", exp.DataType.build("TIMESTAMP", dialect="duckdb"))
    elif to.is_type(exp.DType.ARRAY) and isinstance(value, exp.Literal):
        node.set("this", listed(value))
    return node


def listed(written: exp.Literal) -> exp.Array:
    """Return a list that is written as PostgreSQL does: ``{a,b}``."""
    items = written.name.strip("{}").split(",")
    return exp.Array(expressions=[exp.Literal.string(each.strip('"')) for each in items if each])


def is_state_text(node: exp.Expr) -> bool:
    """Whether this is ``convert_from(state, 'UTF8')``: ``state`` is text in an archive."""
    return isinstance(node, exp.Anonymous) and str(node.this).lower() == "convert_from"


def _contains(node: exp.Expr) -> exp.Expr:
    return call("json_contains", node.this, node.expression)


def written_date(node: exp.Expr) -> exp.Expr:
    """Write a quarter, which has no letter in other formats."""
    assert isinstance(node, exp.TimeToStr)
    if node.args["format"].name != '%Y"Q"Q':
        return node
    year = exp.TimeToStr(this=node.this.copy(), format=exp.Literal.string("%Y"))
    quarter = exp.Cast(this=call("quarter", node.this.copy()), to=exp.DataType.build("TEXT"))
    return exp.Paren(
        this=exp.DPipe(
            this=exp.DPipe(this=year, expression=exp.Literal.string("Q")), expression=quarter
        )
    )


def _divided(node: exp.Expr) -> exp.Expr:
    """Divide as whole numbers are: read models hold no others, ratios are made of their rows."""
    return exp.IntDiv(this=node.this.copy(), expression=node.expression.copy())


def _months(node: exp.Expr) -> exp.Expr:
    assert isinstance(node, exp.MakeInterval)
    months = node.args["month"].expression
    return call("to_months", exp.Cast(this=months.copy(), to=exp.DataType.build("INT")))


def _name_series(lateral: exp.Lateral) -> None:
    """Name the column of a series as the series, as PostgreSQL does."""
    name = exp.to_identifier(lateral.alias)
    lateral.set("alias", exp.TableAlias(this=name, columns=[name.copy()]))


def with_a_list(node: exp.Expr) -> exp.Expr:
    """Give a list to a SELECT without one, which only tells whether there are rows."""
    if not node.expressions:
        node.set("expressions", [exp.true()])
    return node


def _function(node: exp.Expr) -> exp.Expr:
    assert isinstance(node, exp.Anonymous)
    name = str(node.this).lower()
    if name == "jsonb_array_length":
        return call("json_array_length", *node.expressions)
    return node


def _joined(node: exp.Expr) -> exp.Expr:
    """Put bytes together by way of their hex."""
    assert isinstance(node, exp.GroupConcat)
    separator = node.args.get("separator")
    if not (isinstance(separator, exp.Cast) and separator.to.is_type(exp.DType.VARBINARY)):
        return node
    hexed = node.copy()
    inner = hexed.this
    leaf = inner.this if isinstance(inner, exp.Order) else inner
    leaf.replace(call("hex", leaf.copy()))
    hexed.set("separator", exp.Literal.string(""))
    return call("unhex", hexed)


def looked_up(node: exp.Expr) -> exp.Expr:
    """Write ``= ANY (list)`` and ``<> ALL (list)`` as IN, which looks up instead of going through.

    A list that is a parameter may be long: it becomes a relation.
    """
    other = node.expression
    if isinstance(node, exp.EQ) and isinstance(other, exp.Any):
        told = other.this.unnest()
    elif isinstance(node, exp.NEQ) and isinstance(other, exp.Anonymous) and other.this == "ALL":
        told = other.expressions[0]
    else:
        return node
    values = told.this if isinstance(told, exp.Cast) else told
    found: exp.Expr
    if isinstance(values, exp.Array):
        found = exp.In(this=node.this.copy(), expressions=[e.copy() for e in values.expressions])
        if not values.expressions:
            found = exp.false()
    elif isinstance(values, exp.Parameter):
        relation = exp.select(call("unnest", values.copy())).subquery()
        found = exp.In(this=node.this.copy(), query=relation)
    else:
        return node
    return found if isinstance(node, exp.EQ) else exp.Not(this=found)


_RULES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Cast: _cast,
    exp.ArrayContainsAll: _contains,
    exp.TimeToStr: written_date,
    exp.Anonymous: _function,
    exp.Div: _divided,
    exp.MakeInterval: _months,
    exp.Select: with_a_list,
    exp.GroupConcat: _joined,
    exp.EQ: looked_up,
    exp.NEQ: looked_up,
}


def _state_as_bytes(select: exp.Select) -> None:
    for column in select.expressions:
        if isinstance(column, exp.Column) and column.name == _STATE:
            column.replace(exp.alias_(call("encode", column.copy()), _STATE))
