"""`schema`: schemas that are refused, answers that are judged, and nothing fetched or forgiven."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modulo.errors import ProblemError
from modulo.types import Outcome, Problem, Verdict
from modulo.verifiers.contract import NoSandbox
from modulo.verifiers.schema import factory
from modulo.verifiers.schema_check import check
from modulo.verifiers.schema_formats import FORMATS
from modulo.verifiers.schema_keywords import canonical

PROBLEM = Problem(statement="write it")


async def judge(schema: Any, candidate: str) -> Verdict:
    verifier = factory.build(factory.load(schema, base=None), hard=True, sandbox=NoSandbox())
    return await verifier.verify(PROBLEM, candidate)


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "field", "message"),
    [
        (None, "", "at least one requirement"),
        (True, "", "at least one requirement"),
        ({}, "", "at least one requirement"),
        ({"title": "anything goes"}, "", "requires nothing"),
        ({"requried": ["x"]}, "", "requires nothing"),
        ({"type": "objekt"}, "type", "objekt"),
        ({"properties": {"a": {"minimum": "3"}}}, "properties.a.minimum", "not of type 'number'"),
        ({"allOf": [{}, {"minLength": -1}]}, "allOf[1].minLength", "minimum of 0"),
        ({"pattern": "("}, "pattern", "'(' cannot be used: a parenthesis is not closed"),
        ({"items": {"pattern": r"(a)\1"}}, "items.pattern", "back-references are not supported"),
        ({"pattern": r"\p{Emoji}"}, "pattern", "the property \\p{Emoji} is not known"),
        ({"pattern": "(?i)a"}, "pattern", "not of ECMA 262"),
        ({"minimum": float("nan")}, "", "what JSON cannot express"),
        (nested(5000), "", "nested too deeply"),
        ({"patternProperties": {"[": {}}}, "patternProperties", "a [ is not closed"),
        ({"propertyNames": {"pattern": "a**"}}, "propertyNames.pattern", "nothing to repeat"),
        ({"items": {"$schema": "http://json-schema.org/draft-07/schema#"}}, "items", "dialect of its own"),
        ({"$schema": "https://example.com/mine", "type": "object"}, "$schema", "unknown dialect"),
        ({"$schema": 3, "type": "object"}, "$schema", "unknown dialect"),
        ({"$ref": "https://example.com/schema.json"}, "$ref", "never fetched"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "items.$ref", "never fetched"),
        ({"items": {"$ref": "other.json"}}, "items.$ref", "never fetched"),
        ({"$ref": "#/$defs/none"}, "$ref", "never fetched"),
        ({"$ref": "#"}, "", "refers to itself without end"),
        ({"anyOf": [{"$ref": "#"}, {"type": "string"}]}, "", "refers to itself without end"),
        ({"format": "colour"}, "format", "'colour' cannot be checked"),
        ({"items": {"anyOf": [{"format": "iri"}]}}, "items.anyOf[0].format", "'iri' cannot be checked"),
        ({"$ref": "#/x/y", "x": {"y": {"format": "iri"}}}, "x.y.format", "'iri' cannot be checked"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema: Any, field: str, message: str) -> None:
    with pytest.raises(ProblemError) as caught:
        factory.load(schema, base=None)
    assert caught.value.field == field
    assert message in caught.value.message
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer"}, ["1", "-0", "1.0", "9" * 400], ["true", '"1"', "1.5", "null"]),
        ({"const": 1}, ["1", "1.0"], ["true", '"1"']),
        ({"enum": [False, None]}, ["false", "null"], ["0", '""']),
        ({"uniqueItems": True}, ["[1, true]", '[{"a": 0}, {"a": false}]'], ["[1, 1.0]", '[{"a": 1}, {"a": 1}]']),
        ({"multipleOf": 0.01}, ["0.07", "19.99", "3"], ["0.075", "0.070000001"]),
        ({"multipleOf": 3}, ["9007199254740993"], ["9007199254740994"]),
        ({"maximum": 9007199254740992}, ["9007199254740992"], ["9007199254740993", "9007199254740992.5"]),
        ({"type": "integer"}, ["5.0", "9007199254740993.0"], ["5.0000000000000000000001"]),
        ({"maximum": 10}, ["10.0"], ["10.00000000000000000001"]),
        ({"minimum": 0.1}, ["0.1", "0.1000000000000000000001"], ["0.0999999999999999999999"]),
        ({"exclusiveMaximum": 0.1}, ["0.0999999999999999999999"], ["0.1", "0.1000000000000000000001"]),
        ({"multipleOf": 0.01}, ["0.0700000000000000000000"], ["0.0700000000000000000001"]),
        ({"const": 0.1}, ["0.1", "0.10", "1e-1"], ["0.1000000000000000000001", "0.10000000000000001"]),
        (
            {"uniqueItems": True},
            ["[0.1, 0.1000000000000000000001]"],
            ["[0.1, 0.10]", '[{"a": 1, "b": 2}, {"b": 2, "a": 1}]'],
        ),
        (
            {"contains": {"const": 1}, "minContains": 2, "maxContains": 3},
            ["[1, 1.0, true]"],
            ["[1]", "[1, true]", "[1, 1, 1, 1]"],
        ),
        ({"dependentSchemas": {"a": {"required": ["b"]}}}, ['{"b": 1}', '{"a": 1, "b": 1}'], ['{"a": 1}']),
        (
            {
                "properties": {"a": {}},
                "anyOf": [{"properties": {"b": {"type": "integer"}}, "required": ["b"]}, {"required": ["a"]}],
                "unevaluatedProperties": {"type": "null"},
            },
            ['{"a": 1}', '{"a": 1, "b": 2}', '{"a": 1, "b": null}'],
            ['{"a": 1, "b": "x"}', '{"b": 1, "c": 1}'],
        ),
        (
            {
                "$id": "https://example.com/tree",
                "$dynamicAnchor": "node",
                "type": "object",
                "properties": {"children": {"items": {"$dynamicRef": "#node"}}},
                "unevaluatedProperties": False,
            },
            ['{"children": [{"children": []}]}'],
            ['{"children": [{"kids": []}]}', '{"children": [1]}'],
        ),
        (
            {"$schema": "https://json-schema.org/draft/2020-12/schema", "items": {"$ref": "#"}, "multipleOf": 0.01},
            ["[0.07, [19.99]]"],
            ["[[0.075]]"],
        ),
        (
            {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 0.1},
            ["0.1", "0.1000000000000000000001"],
            ["0.0999999999999999999999"],
        ),
        ({"type": "string", "pattern": r"^\p{Lu}\S$"}, ['"Éa"'], ['"éa"', '"É\\ufeff"']),
        ({"enum": [1, 0.5]}, ["1", "0.5"], ["1.00000000000000000001", "0.50000000000000000000001"]),
        (
            {"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": True},
            ["2.9"],
            ["3", "3.00000000000000000000001"],
        ),
        ({"type": "string", "pattern": "^[a-z]+$"}, ['"abc"'], ['"abc\\n"', '"ab1"']),
        ({"type": "string", "pattern": r"^\d[$]$"}, ['"5$"'], ['"٥$"', '"5"']),
        (
            {"patternProperties": {"^a$": {"type": "string"}}, "additionalProperties": False, "type": "object"},
            ['{"a": ""}', "{}"],
            ['{"a": 1}', '{"a\\n": ""}', '{"b": ""}'],
        ),
        ({"required": ["format"], "properties": {"format": {"const": "iri"}}}, ['{"format": "iri"}'], ["{}"]),
        (
            {"$ref": "#/$defs/t", "$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}},
            ["[]", "[" * 200 + "]" * 200],
            ["{}", "[[1]]"],
        ),
        (
            {"$id": "https://example.com/s", "$ref": "/s#/$defs/t", "$defs": {"t": {"type": "null"}}},
            ["null"],
            ["0"],
        ),
        (
            {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]},
            ['["a", 1]'],
            ["[1]"],
        ),
        (
            {"unevaluatedProperties": False, "allOf": [{"properties": {"a": {}}}], "type": "object"},
            ['{"a": 1}'],
            ['{"b": 1}'],
        ),
        (
            {"type": "object", "maxProperties": 1},
            ['{"a": 1}'],
            ['{"a": 1, "a": 1}', '{"a": NaN}', '{"a": 1e999}', '{"a":1} x'],
        ),
    ],
)
async def test_schemas_mean_what_the_standard_says(schema: Any, good: list[str], bad: list[str]) -> None:
    for candidate in good:
        verdict = await judge(schema, candidate)
        assert verdict.outcome is Outcome.PASS, (candidate, verdict.critiques)
    for candidate in bad:
        assert (await judge(schema, candidate)).outcome is Outcome.FAIL, candidate


FORMAT_EXAMPLES = {
    "date": (["2024-02-29"], ["2023-02-29", "2024-2-9", "20240229", "2024-02-29\n"]),
    "date-time": (
        ["2024-02-29T23:59:60Z", "2024-01-01t00:00:00.5+02:00"],
        ["2024-02-30T00:00:00Z", "2024-01-01T00:00:00"],
    ),
    "duration": (["P1Y2M3DT4H5M6S", "PT1H", "P2W"], ["P", "PT", "P1S", "P1YT"]),
    "email": (["a.b+c@example.org"], ["a@", "@b", "a b@c.de", "a@b@c.de", "a@-b.de", "a..b@c.de"]),
    "hostname": (
        ["example.org", "localhost", "xn--mnchen-3ya.de"],
        ["-a.org", "a..b", "a_b", "x" * 64, "xn--a", "ab--c"],
    ),
    "ipv4": (["127.0.0.1"], ["256.0.0.1", "127.1", "127.0.0.01"]),
    "ipv6": (["::1"], ["1::2::3", "127.0.0.1"]),
    "json-pointer": (["", "/a~0/~1"], ["a", "/~2"]),
    "regex": (["a+", r"(a)\1", "[^]"], ["(", r"\1", r"\a", "a{3,2}"]),
    "time": (["12:00:00Z", "15:59:60-08:00"], ["22:59:60Z", "15:59:60-07:00", "24:00:00Z", "12:00:00", "12:00Z"]),
    "uri": (
        ["https://u@example.org:8/a?b#c", "mailto:a@b.de", "http://[::1]/", "urn:isbn:0", "file:///a"],
        ["/a", "http://a b", "a:%zz", "a:", "http://[::1", "http://[::ffff:127.0.0.01]", "http://a#b#c", "http://a:b/"],
    ),
    "uuid": (["123e4567-e89b-12d3-a456-426614174000"], ["123e4567e89b12d3a456426614174000"]),
}


def test_every_format_that_is_asserted_has_examples() -> None:
    assert set(FORMAT_EXAMPLES) == set(FORMATS.checkers)


@pytest.mark.parametrize("name", FORMAT_EXAMPLES)
def test_formats_are_asserted(name: str) -> None:
    good, bad = FORMAT_EXAMPLES[name]
    assert [text for text in good if not FORMATS.conforms(text, name)] == []
    assert [text for text in bad if FORMATS.conforms(text, name)] == []
    assert FORMATS.conforms(3, name)  # a format says nothing of other types


async def test_every_fault_has_its_place() -> None:
    schema = {
        "type": "object",
        "required": ["name", "age"],
        "properties": {"age": {"minimum": 0}, "tags": {"items": {"type": "string", "pattern": "^[a-z]+$"}}},
    }
    verdict = await judge(schema, '{"age": -1, "tags": ["a", "B", 3]}')
    assert [(c.locus, c.message, c.counterexample) for c in verdict.critiques] == [
        ("$", "$: 'name' is a required property", {"age": -1, "tags": ["a", "B", 3]}),
        ("$.age", "$.age: -1 is less than the minimum of 0", -1),
        ("$.tags[1]", "$.tags[1]: 'B' does not match '^[a-z]+$'", "B"),
        ("$.tags[2]", "$.tags[2]: 3 is not of type 'string'", 3),
    ]
    assert verdict.evidence["faults"] == 4


async def test_the_closest_alternative_is_explained() -> None:
    schema = {"anyOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"type": "array", "minItems": 2}]}
    verdict = await judge(schema, '{"a": 1}')
    assert (
        "$.a: fits no alternative of anyOf; in the closest, 1 is not of type 'string'" in verdict.critiques[0].message
    )


async def test_many_faults_are_capped_and_long_values_cut() -> None:
    verdict = await judge({"items": {"type": "string"}}, "[" + "1," * 5000 + "1]")
    assert len(verdict.critiques) == 10
    assert verdict.evidence["faults"] == 100
    long = await judge({"type": "integer"}, '"' + "x" * 100_000 + '"')
    assert len(long.critiques[0].message) < 400
    assert long.critiques[0].counterexample is None


@pytest.mark.parametrize(
    ("schema", "candidate"),
    [
        ({"pattern": "^(a+)+$"}, json.dumps("a" * 900_000 + "!")),
        ({"pattern": "^(?=(a+)+$)(?!b)"}, json.dumps("a" * 900_000 + "!")),
        ({"patternProperties": {"^(a|aa)+$": False}, "minProperties": 2}, json.dumps({"a" * 900_000 + "!": 1})),
        ({"propertyNames": {"pattern": "^(a|a)*$"}}, json.dumps({"a" * 900_000 + "!": 1})),
        (
            {"unevaluatedProperties": False, "patternProperties": {"^(x+x+)+y$": True}},
            json.dumps({"x" * 900_000: 1}),
        ),
        ({"additionalProperties": False, "patternProperties": {"^(x+x+)+y$": True}}, json.dumps({"x" * 900_000: 1})),
        ({"format": "regex"}, json.dumps("(a|" * 300_000)),
        ({"format": "uri"}, json.dumps("a://" + "a@" * 400_000 + " ")),
        ({"format": "email"}, json.dumps("a." * 400_000 + "@")),
        ({"uniqueItems": True}, json.dumps([*range(150_000), 0])),
        ({"uniqueItems": True}, json.dumps([{"a": [i]} for i in range(50_000)] + [{"a": [7.0]}])),
        ({"uniqueItems": True}, json.dumps([i * (2**61 - 1) for i in range(40_000)] + [0])),
        ({"items": {"enum": list(range(20_000))}}, json.dumps(list(range(100_000)))),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_hostile_answers_are_judged_not_waited_for(schema: Any, candidate: str) -> None:
    verdict = await judge(schema, candidate)
    assert verdict.outcome is Outcome.FAIL, verdict.critiques


async def test_a_look_around_that_never_ends_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modulo.verifiers.schema._SECONDS", 0.5)
    verdict = await judge({"pattern": "^(a+)+(?=b)"}, '"' + "a" * 60 + '!"')
    assert verdict.outcome is Outcome.UNKNOWN
    assert "could not be decided within 0.5 s" in verdict.critiques[0].message


async def test_deep_answers_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = {"$ref": "#/$defs/t", "$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}}
    assert (await judge(schema, "[" * 400 + "]" * 400)).outcome is Outcome.PASS
    assert (await judge(schema, "[" * 400 + "1" + "]" * 400)).outcome is Outcome.FAIL
    assert (await judge(schema, "[" * 950 + "1" + "]" * 950)).outcome is not Outcome.PASS


async def test_a_batch_gets_the_verdicts_of_one_by_one() -> None:
    schema: Any = {"type": "object", "required": ["a"], "properties": {"a": {"pattern": "^x+$"}}}
    verifier = factory.build(factory.load(schema, base=None), hard=True, sandbox=NoSandbox())
    candidates = ['{"a": "x"}', "{}", "", '{"a": "y"}', '{"a": "xx", "a": "xx"}']
    batch = await verifier.verify_many(PROBLEM, candidates)
    alone = [await verifier.verify(PROBLEM, candidate) for candidate in candidates]
    assert [v.model_copy(update={"seconds": 0.0}) for v in batch] == [
        v.model_copy(update={"seconds": 0.0}) for v in alone
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


def same(a: Any, b: Any) -> bool:
    """Equality of JSON values, spelled out."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


@given(JSON, JSON)
def test_equal_values_alone_have_equal_text(a: Any, b: Any) -> None:
    assert (canonical(a) == canonical(b)) == same(a, b)
    assert canonical(a) == canonical(json.loads(json.dumps(a)))


def test_numbers_are_equal_as_they_are_spelled() -> None:
    assert canonical(1) == canonical(1.0) != canonical(True)
    assert canonical(0) == canonical(-0.0) != canonical(False)
    assert canonical(10**22) == canonical(1e22)
    assert canonical(0.1) != canonical(0.1 + 2**-56)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_a_constant_accepts_itself_alone(value: Any) -> None:
    text = json.dumps(value)
    assert check({"schema": {"const": value}, "candidate": text})["outcome"] == "pass"
    assert check({"schema": {"const": [value]}, "candidate": text})["outcome"] == "fail"
