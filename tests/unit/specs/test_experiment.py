from dataclasses import replace

import pytest
from helpers.errors import raises_setting
from helpers.specs import spec_of

from blobtransfer.specs.experiment import QUESTIONS, Arm
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE, AddLayer, NewHead, Variant, parse_variant


@pytest.mark.parametrize(
    ("values", "setting", "value", "key"),
    [
        ({"n_repeats": 0}, "repeats", "0", "1 or more"),
        ({"n_repeats": 10**8 + 1}, "repeats", "100000001", "100,000,000"),
        (
            {"n_repeats": 6_000_000, "variants": (STANDALONE, Variant("random-frozen", 1))},
            "repeats",
            "6000000",
            "12,000,000",
        ),
        (
            # 101 accuracies a run
            {
                "n_repeats": 250_000,
                "speed": True,
                "training": TrainingSpec(),
                "variants": (STANDALONE,),
            },
            "repeats",
            "250000",
            "25,250,000",
        ),
        ({"train_seed": -1}, "train-seed", "-1", "0 to 4294967295"),
        ({"margin": 1.0}, "margin", "1.0", "1 point is 0.01"),
        ({"margin": -0.1}, "margin", "-0.1", "1 point is 0.01"),
        ({"margin": 1e-7}, "margin", "1e-07", "0, or 1e-06 or more"),
        ({"threshold": 0.0}, "threshold", "0.0", "an accuracy above"),
        ({"threshold": 1.5}, "threshold", "1.5", "an accuracy above"),
        ({"metric": "auc"}, "metric", "auc", "accuracy or balanced-accuracy"),
        ({"low": 0.0}, "low", "0.0", "0.1"),
        ({"low": 1.0}, "low", "1.0", "0.1"),
        (
            {"variants": (STANDALONE, Variant("transfer", 0)), "against": Variant("transfer", 1)},
            "against",
            "transfer fixed=1",
            "one of transfer fixed=0",
        ),
        (
            # standalone is what all are compared with anyway
            {"variants": (STANDALONE, Variant("transfer", 0)), "against": STANDALONE},
            "against",
            "standalone",
            "one of transfer fixed=0",
        ),
        ({"until_decided": True, "n_repeats": 0}, "max-repeats", "0", "1 or more"),
        (
            {"training": TrainingSpec(9, patience=2), "source": BlobsSpec(1, n_train=9)},
            "patience",
            "2",
            "9 training rows",
        ),
        (
            {
                "until_decided": True,
                "n_repeats": 6_000_000,
                "variants": (STANDALONE, Variant("random-frozen", 1)),
            },
            "max-repeats",
            "6000000",
            "12,000,000",
        ),
        (
            {"nested": (3, 4), "n_repeats": 12, "until_decided": True},
            "nested",
            "3 4",
            "--until-decided",
        ),
        ({"nested": (1, 9), "n_repeats": 9}, "nested", "1 9", "2 or more"),
        ({"nested": (3, 4), "n_repeats": 11}, "nested", "3 4", "repeats=12"),
        (
            {"nested": (10**5, 10**5), "n_repeats": 10**10},
            "nested",
            "100000 100000",
            "10,000,000,000",
        ),
        ({"nested": (3, 4), "n_repeats": 12, "questions": ("one",)}, "nested", "3 4", "--sources"),
        (
            {
                "nested": (4_000, 4_000),
                "n_repeats": 16_000_000,
                "questions": ("fresh",),
                "variants": (STANDALONE,),
            },
            "nested",
            "4000 4000",
            "16,000,000",
        ),
        (
            {"variants": (STANDALONE, Variant("transfer", 3))},
            "variant",
            "transfer fixed=3",
            "fixed=0, 1 or 2",
        ),
        (
            {"variants": (STANDALONE, Variant("transfer", 0), Variant("transfer", 0))},
            "variant",
            "transfer fixed=0",
            "give it once",
        ),
        (
            # what is wrong is what the variant makes of the user's settings
            {"variants": (STANDALONE, Variant("transfer", 0, AddLayer(10**7)))},
            # 2-5-5-10^7-3: 15 + 30 + 6 * 10^7 + 3 * 10^7 + 3
            "variant",
            "add=10000000 fixed=0",
            "90,000,048",
        ),
        (
            {"variants": (Variant("equal-compute"),), "training": TrainingSpec(600_000)},
            "variant",
            "equal-compute",
            "1,000,000",
        ),
    ],
)
def test_an_impossible_value_is_refused_with_one_line(values, setting, value, key):
    with raises_setting(setting, value, key):
        spec_of(**values)


def test_the_arms_are_what_needs_no_source_and_then_the_rest_question_by_question():
    variants = (STANDALONE, *map(parse_variant, ("fixed=1", "random-frozen,fixed=1", "new-head")))
    spec = spec_of(variants=variants, questions=("one", "fresh"))
    assert [(arm.sources, arm.label) for arm in spec.arms] == [
        ("none", "standalone"),
        ("none", "random-frozen fixed=1"),
        ("fresh", "transfer fixed=1"),
        ("fresh", "new-head fixed=0"),
        ("one", "transfer fixed=1"),
        ("one", "new-head fixed=0"),
    ]


@pytest.mark.parametrize("questions", [("one", "fresh"), ("fresh", "one"), ["one", "fresh"]])
def test_the_primary_question_comes_first_in_whatever_order_they_are_given(questions):
    spec = spec_of(questions=questions)
    assert spec.questions == ("fresh", "one")
    assert spec == spec_of(questions=QUESTIONS)


@pytest.mark.parametrize(
    ("arm", "columns", "questions"),
    [
        (
            Arm(STANDALONE, "none"),
            {"sources": "none", "variant": "standalone", "fixed": None},
            ["one", "fresh"],
        ),
        (
            Arm(Variant("transfer", 2, NewHead()), "fresh"),
            {"sources": "fresh", "variant": "new-head", "fixed": 2},
            ["fresh"],
        ),
    ],
)
def test_an_arm_has_columns_of_its_own_and_is_asked_by_some_questions(arm, columns, questions):
    assert arm.columns == columns
    assert [question for question in ("one", "fresh") if arm.belongs_to(question)] == questions


def test_repeats_share_the_source_of_the_first_of_them_where_the_design_is_nested():
    nested = spec_of(6, nested=(2, 3), questions=("fresh",))
    assert [nested.source_repeat(r) for r in range(6)] == [0, 0, 0, 3, 3, 3]
    assert [replace(nested, nested=None).source_repeat(r) for r in range(3)] == [0, 1, 2]


def test_the_design_is_nested_for_arms_with_fresh_sources_alone():
    spec = spec_of(4, fixed=(0,), nested=(2, 2), questions=("one", "fresh"))
    assert [spec.is_nested(arm) for arm in spec.arms] == [False, True, False]


def test_the_sources_of_a_question_are_of_the_kinds_that_its_arms_start_from():
    texts = ("fixed=1", "new-head", "self-transfer,fixed=1", "equal-compute")
    spec = spec_of(variants=(STANDALONE, *map(parse_variant, texts)))
    assert spec.source_starts("one") == ["self-transfer", "transfer"]
    assert spec.source_starts("fresh") == []


@pytest.mark.parametrize(
    ("text", "n_epochs"), [("fixed=1", 4), ("equal-compute", 8), ("fixed=1,unfreeze=3", 4)]
)
def test_the_epochs_of_a_run_are_those_of_its_variant(text, n_epochs):
    spec = spec_of(variants=(parse_variant(text),), training=TrainingSpec(4))
    (arm,) = spec.arms
    assert spec.n_epochs(arm) == n_epochs


def test_equal_compute_may_have_epochs_of_its_own():
    spec = spec_of(variants=(STANDALONE, Variant("equal-compute")), equal_compute_epochs=7)
    assert [spec.n_epochs(arm) for arm in spec.arms] == [2, 7]
    assert spec.phases(spec.variants[1])[0].training == TrainingSpec(7)


def test_accuracies_are_measured_on_the_target_or_on_a_source_alone():
    spec = spec_of()
    assert spec.data is spec.target
    alone = replace(spec, target=None, variants=(STANDALONE,))
    assert alone.data is spec.source


def test_a_variant_that_is_asked_of_a_deeper_network_may_freeze_more():
    spec = spec_of(network=MLPSpec(hidden=(5, 5, 5)), variants=(Variant("transfer", 3),))
    assert spec.arms[0].variant.n_frozen == 3


def test_data_that_no_network_is_trained_on_needs_no_validation_rows():
    few = BlobsSpec(1, n_train=9)
    spec_of(training=TrainingSpec(9, patience=2), source=few, model_path="m.keras")
    spec_of(training=TrainingSpec(9, patience=2), source=few, variants=(STANDALONE,))
