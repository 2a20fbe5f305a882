"""The types of a JSON result, and the schema that is made of them."""

import copy
import json
from dataclasses import fields
from typing import get_args

import jsonschema
import pytest
from helpers.engines import PlannedEngine
from helpers.running import compare
from helpers.specs import VARIANTS, spec_of, varied

from blobtransfer.report.writers import to_json
from blobtransfer.results.files.schema import SchemaName, json_schema, make_schema, row_of
from blobtransfer.results.findings import Contrast, OneSource, Speed, Summary
from blobtransfer.results.scores import Run
from blobtransfer.running.single import train_source
from blobtransfer.specs.variant import STANDALONE


def record_of(results):
    return json.loads("".join(to_json(results)), parse_constant=pytest.fail)


@pytest.fixture(scope="module")
def records():
    """Return a comparison, a nested one and a training: together they have all there is."""
    both = spec_of(8, variants=VARIANTS, questions=("one", "fresh"), speed=True)
    nested = spec_of(8, questions=("fresh",), nested=(4, 2))
    alone = spec_of(1, variants=(STANDALONE,), target=None)
    return {
        "comparison": record_of(compare(both, None, PlannedEngine(varied))),
        "nested": record_of(compare(nested, None, PlannedEngine(lambda key, *_: key % 100 / 100))),
        "training": record_of(train_source(alone, PlannedEngine(lambda *_: 0.5)).results),
    }


NAMES = ("comparison", "nested", "training")


def test_the_shipped_schema_is_the_one_that_the_types_make():
    assert json_schema() == make_schema("results")


def test_the_schema_is_one_itself():
    jsonschema.Draft202012Validator.check_schema(make_schema("results"))
    assert make_schema("results")["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_follows_the_schema(records, name):
    jsonschema.validate(records[name], json_schema())
    assert records[name]["schema_version"] == 2


def objects_in(value):
    """Yield every object of a record that has named keys, with where it lies."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value[:1]:
            yield from objects_in(one)


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_knows_every_key_and_no_other(records, name):
    validator = jsonschema.Draft202012Validator(json_schema())
    record = copy.deepcopy(records[name])
    open_ended = (id(record["versions"]), id(record["machine"]))
    for one in objects_in(record):
        if id(one) not in open_ended:
            one["other"] = 1
            assert not validator.is_valid(record)
            del one["other"]
    assert validator.is_valid(record)


@pytest.mark.parametrize(
    ("name", "key"), [("comparison", "sentences"), ("comparison", "cautions"), ("training", "runs")]
)
def test_the_schema_misses_a_key_that_is_not_there(records, name, key):
    record = {k: v for k, v in records[name].items() if k != key}
    with pytest.raises(jsonschema.ValidationError, match=key):
        jsonschema.validate(record, json_schema())


@pytest.mark.parametrize(
    ("key", "record"),
    [("runs", Run), ("summary", Summary), ("contrasts", Contrast), ("speed", Speed)],
)
def test_a_row_has_the_columns_of_its_arm_and_the_fields_of_its_record(records, key, record):
    names = {field.name for field in fields(record)}
    arm = {"sources", "variant", "fixed", "label"} if "arm" in names else set()
    assert set(records["comparison"][key][0]) == (names - {"arm"}) | arm


def test_every_kind_of_caution_has_its_own_columns(records):
    cautions = {caution["kind"]: set(caution) for caution in records["comparison"]["cautions"]}
    assert cautions["few test rows"] == {
        "kind", "text", "n_test", "standard_error", "margin", "n_enough",
    }  # fmt: skip
    assert row_of(OneSource()) == {}


def test_an_arm_within_a_row_is_an_object_of_its_columns(records):
    (weights, *_) = (c for c in records["comparison"]["contrasts"] if c["kind"] == "weights")
    assert weights["baseline"] == {
        "sources": "none",
        "variant": "random-frozen",
        "fixed": 1,
        "label": "random-frozen fixed=1",
    }
    assert (weights["variant"], weights["fixed"]) == ("transfer", 1)


@pytest.mark.parametrize("name", get_args(SchemaName))
def test_every_key_and_every_object_has_a_description(name):
    schema = json_schema(name)
    objects = [schema, *schema["$defs"].values()]
    described = [*objects, *(key for one in objects for key in one.get("properties", {}).values())]
    assert [one for one in described if not one.get("description", "").endswith(".")] == []
    assert "None" not in {word for one in described for word in one["description"].split()}
