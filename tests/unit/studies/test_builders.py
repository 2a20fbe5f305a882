"""What the command line runs is what Python builds from the same settings."""

import pytest
from helpers.commands import run_here
from helpers.specs import source_network

from blobtransfer.api.notes import model_notes, new_head_notes
from blobtransfer.errors import SettingError, SourceFileError
from blobtransfer.specs.data_text import parse_data_spec
from blobtransfer.specs.generated import BlobsSpec, CirclesSpec, MoonsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.study import Study
from blobtransfer.specs.table import TableSpec
from blobtransfer.specs.variant import NewHead, parse_variant
from blobtransfer.studies.comparison import build_comparison
from blobtransfer.studies.grid import build_grid
from blobtransfer.studies.pairs import build_pairs
from blobtransfer.studies.settings import ComparisonSettings
from blobtransfer.studies.sweep import build_sweep
from blobtransfer.studies.training import build_source_training, build_target_training

SMALL_NETWORK = MLPSpec(hidden=(4,))

ROWS = "".join(f"{i % 7},{i % 5}.5,{'abc'[i % 3]},{'pq'[i % 2]}\n" for i in range(90))


def settings(**values):
    return ComparisonSettings(**values)


def table(text):
    return parse_data_spec("source", text, 1)


CASES = {
    "compare": lambda: build_comparison(settings()),
    "compare --repeats 30 --fixed 0 1 --sources fresh": lambda: build_comparison(
        settings(repeats=30, fixed=(0, 1), sources="fresh")
    ),
    "compare --until-decided --max-repeats 50 --margin 0.02 --low 0.2 --train-seed 3": lambda: (
        build_comparison(
            settings(until_decided=True, max_repeats=50, margin=0.02, low=0.2, train_seed=3)
        )
    ),
    "compare --nested 3 4 --speed --threshold 0.8 --metric balanced-accuracy": lambda: (
        build_comparison(
            settings(nested=(3, 4), speed=True, threshold=0.8, metric="balanced-accuracy")
        )
    ),
    "compare --hidden 4 3 --activation tanh relu --optimizer adam --batch-size 16 --epochs 5 "
    "--patience 3 "
    "--weight-decay 0.001 --initializer he_normal --engine keras": lambda: build_comparison(
        settings(
            hidden=(4, 3), activation=("tanh", "relu"), optimizer="adam", batch_size=16, epochs=5,
            weight_decay=0.001, patience=3, initializer="he_normal", engine="keras",
        )
    ),
    "compare --momentum 0.9 --nesterov --learning-rate 0.05 "
    "--tune learning-rate=0.01,0.1": lambda: (
        build_comparison(
            settings(momentum=0.9, nesterov=True, learning_rate=0.05, tune=(0.01, 0.1))
        )
    ),
    "compare --variant random-frozen,fixed=1 --fixed 0 --against random-frozen,fixed=1": lambda: (
        build_comparison(
            settings(
                fixed=(0,),
                variants=(parse_variant("random-frozen,fixed=1"),),
                against=parse_variant("random-frozen,fixed=1"),
            )
        )
    ),
    "compare --source moons:noise=0.2 --target circles --sources fresh "
    "--scores --fixed 0": lambda: (
        build_comparison(
            settings(
                source=MoonsSpec(1, noise=0.2), target=CirclesSpec(2), sources="fresh",
                scores=True, fixed=(0,),
            )
        )
    ),
    "compare --source-epochs 7 --variant equal-compute": lambda: build_comparison(
        settings(source_epochs=7, variants=(parse_variant("equal-compute"),))
    ),
    "compare --target blobs:seed=2,train=40 --budget updates": lambda: build_comparison(
        settings(target=BlobsSpec(2, n_train=40), budget="updates")
    ),
    "compare --source moons --target blobs:classes=4": lambda: build_comparison(
        settings(source=MoonsSpec(1), target=BlobsSpec(2, n_classes=4))
    ),
    "compare --samples 90 --train-samples 60 --source-seed 5 --reverse": lambda: build_comparison(
        settings(
            source=BlobsSpec(2, n_samples=90, n_train=60),
            target=BlobsSpec(5, n_samples=90, n_train=60),
        )
    ),
    "compare --source a.csv:label=y,where=g:p --target a.csv:label=y,where=g:q": lambda: (
        build_comparison(
            settings(
                source=table("a.csv:label=y,where=g:p"), target=table("a.csv:label=y,where=g:q")
            )
        )
    ),
    "sweep --over train-samples=10,30,100 --repeats 6": lambda: build_sweep(
        settings(repeats=6), ["train-samples=10,30,100"]
    ),
    "sweep --over hidden=2,5 --over cluster-std=1,2 --budget updates --sources one": lambda: (
        build_sweep(
            settings(sources="one", budget="updates"), ["hidden=2,5", "cluster-std=1,2"]
        )
    ),
    "sweep --over source-epochs=1,10 --epochs 5 --source-seed 3": lambda: build_sweep(
        settings(source=BlobsSpec(3), epochs=5), ["source-epochs=1,10"]
    ),
    "sweep --over fixed=0..2": lambda: build_sweep(settings(), ["fixed=0..2"]),
    "sweep --over activation=relu+tanh,gelu --over batch-size=8,32": lambda: build_sweep(
        settings(), ["activation=relu+tanh,gelu", "batch-size=8,32"]
    ),
    "sweep --over target.train=6,12 --source a.csv:label=y,where=g:p "
    "--target a.csv:label=y,where=g:q --repeats 4": lambda: build_sweep(
        settings(
            source=table("a.csv:label=y,where=g:p"),
            target=table("a.csv:label=y,where=g:q"),
            repeats=4,
        ),
        ["target.train=6,12"],
    ),
    "pairs": lambda: build_pairs(settings()),
    "pairs --pairs 3 --repeats 5 --first-seed 7 --epochs 4 --classes 4": lambda: build_pairs(
        settings(
            source=BlobsSpec(1, n_classes=4), target=BlobsSpec(2, n_classes=4), repeats=5, epochs=4
        ),
        n_pairs=3,
        first_seed=7,
    ),
    "pairs --pairs 3 --source moons --target circles --train-seed 9": lambda: build_pairs(
        settings(source=MoonsSpec(1), target=CirclesSpec(1), train_seed=9), 3
    ),
    "pairs --pairs 3 --source blobs:train=90 --target blobs --budget updates": lambda: build_pairs(
        settings(source=BlobsSpec(1, n_train=90), target=BlobsSpec(1), budget="updates"), 3
    ),
    "pairs --pairs 3 --source digits": lambda: build_pairs(
        settings(source=table("digits"), target=table("digits")), 3
    ),
    "grid --problems blobs:seed=1..3 --repeats 4 --fixed 0 --scores": lambda: build_grid(
        [BlobsSpec(1), BlobsSpec(2), BlobsSpec(3)], settings(repeats=4, fixed=(0,), scores=True)
    ),
    "grid --problems blobs:seed=1,train=40 blobs:seed=2 --budget updates": lambda: build_grid(
        [BlobsSpec(1, n_train=40), BlobsSpec(2)], settings(budget="updates")
    ),
    "grid --problems blobs:seed=1..3 --source-epochs 20": lambda: build_grid(
        [BlobsSpec(1), BlobsSpec(2), BlobsSpec(3)], settings(source_epochs=20)
    ),
    "grid --problems moons blobs:classes=3 --variant random-frozen,fixed=1": lambda: build_grid(
        ["moons", BlobsSpec(1, n_classes=3)],
        settings(variants=(parse_variant("random-frozen,fixed=1"),)),
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("u,v,y,g\n" + ROWS)


@pytest.mark.parametrize("line", CASES)
def test_the_command_line_runs_what_python_builds(line, monkeypatch):
    command, *options = line.split()
    studies = []
    monkeypatch.setattr(
        f"blobtransfer.cli.{command}.run", lambda request, *_: studies.append(request.study)
    )
    done = run_here(command, *options)
    built = CASES[line]()
    expected = built if isinstance(built, Study) else Study.of_one(built)
    assert (done.code, studies) == (0, [expected]), done.err


def test_a_model_gives_the_network_and_the_source():
    spec = build_comparison(settings(model="m.keras", sources="one"), source_network(SMALL_NETWORK))
    assert (spec.network.hidden, spec.source, spec.model_path) == ((4,), None, "m.keras")
    assert (spec.model_sha256, spec.model_notes) == ("0" * 64, ("a",))
    both = build_comparison(settings(model="m.keras"), source_network(SMALL_NETWORK))
    assert (both.source, both.questions) == (BlobsSpec(1), ("fresh", "one"))


def test_a_model_of_other_classes_loses_its_output_layer():
    network = source_network(MLPSpec(n_classes=4))
    spec = build_comparison(settings(model="m.keras", sources="one"), network)
    assert all(variant.top == NewHead() for variant in spec.variants[1:])
    training = build_target_training(settings(model="m.keras"), network)
    assert training.variants[0].top == NewHead()


def test_a_table_is_read_once_for_all_points_of_a_sweep(monkeypatch):
    from blobtransfer.data.tables import resolve

    calls = []
    read = resolve.resolve_data_specs
    monkeypatch.setattr(
        resolve, "resolve_data_specs", lambda *args: calls.append(args) or read(*args)
    )
    CASES[next(line for line in CASES if "target.train" in line)]()
    assert len(calls) == 1


def test_one_training_has_one_variant():
    assert isinstance(
        build_target_training(settings(target=table("a.csv:label=y"))).target, TableSpec
    )
    assert build_source_training(settings()).source == BlobsSpec(1)
    with pytest.raises(SettingError, match="equal-compute"):
        build_target_training(settings(variants=(parse_variant("equal-compute"),)))
    with pytest.raises(SettingError, match="fixed"):
        build_target_training(
            settings(model="m.keras", fixed=(0, 1)), source_network(SMALL_NETWORK)
        )


@pytest.mark.parametrize(
    ("build", "setting"),
    [
        (lambda: build_pairs(settings(sources="one")), "sources"),
        (lambda: build_pairs(settings(model="m.keras")), "model"),
        (lambda: build_pairs(settings(nested=(2, 3))), "nested"),
        (lambda: build_pairs(settings(), n_pairs=1), "pairs"),
        (lambda: build_pairs(settings(), first_seed=2**32), "first-seed"),
        (lambda: build_pairs(settings(source=table("iris"))), "source"),
        (lambda: build_pairs(settings(scores=True)), "scores"),
        (lambda: build_grid(["moons"]), "problems"),
        (lambda: build_grid([BlobsSpec(1), "blobs:seed=1"]), "problems"),
        (lambda: build_grid([BlobsSpec(1), BlobsSpec(2, n_features=3)]), "problems"),
        (lambda: build_grid(["moons", "blobs"], settings(speed=True)), "speed"),
        (lambda: build_grid(["moons", "blobs"], settings(sources="both")), "sources"),
        (lambda: build_sweep(settings(), ["colour=1,2"]), "over"),
        (lambda: build_sweep(settings(epochs=5), ["epochs=1,2"]), "epochs"),
        (lambda: build_sweep(settings(source_epochs=5), ["source-epochs=1,2"]), "source-epochs"),
    ],
)
def test_what_a_study_does_not_use_or_cannot_vary_is_rejected(build, setting):
    with pytest.raises(SettingError) as error:
        build()
    assert error.value.setting == setting


def test_notes_name_what_a_model_lacks_and_a_new_output_layer():
    network = source_network(MLPSpec(n_classes=4))
    asked = settings(model="m.keras", sources="one")
    spec = build_comparison(asked, network)
    assert list(model_notes(network, "m.keras", spec)) == ["note: m.keras: a"]
    assert list(model_notes(None, None, spec)) == []
    (note,) = new_head_notes(spec, asked)
    assert "m.keras" in note
    chosen = settings(model="m.keras", sources="one", variants=(parse_variant("new-head"),))
    assert not list(new_head_notes(build_comparison(chosen, network), chosen))


@pytest.mark.parametrize(
    ("source_scale", "target_scale", "scale"),
    [
        ("", None, None),
        (None, None, None),
        (None, "none", "none"),
        ("", "own", "own"),
        ("none", None, None),
        ("own", "source", "source"),
    ],
)  # "": a source without scale=; None: no source, or a target without scale=
def test_a_model_without_preprocessing_needs_the_scale_of_a_table(
    source_scale, target_scale, scale
):
    network = source_network(MLPSpec(2, (4,), 3), notes=())
    rows = "a.csv:label=y,where=g:"
    tables = {"target": table(f"{rows}q" + (f",scale={target_scale}" if target_scale else ""))}
    if source_scale is not None:
        tables["source"] = table(f"{rows}p" + (f",scale={source_scale}" if source_scale else ""))
    chosen = settings(model="m.keras", sources="one", **tables)
    if scale is None:
        with pytest.raises(SourceFileError):
            build_comparison(chosen, network)
        return
    spec = build_comparison(chosen, network)
    assert spec.target.scale == scale
    (note,) = model_notes(network, "m.keras", spec)
    assert note == f"note: m.keras: {spec.model_notes[0]}"
    assert " u, v, " in note and f"(scale={scale})" in note


def test_a_note_on_many_inputs_names_the_first(tmp_path):
    heads = [f"c{i}" for i in range(30)]
    rows = "".join(
        ",".join([*(f"{j}.5" for j in range(i, i + 30)), "ab"[i % 2]]) + "\n" for i in range(40)
    )
    (tmp_path / "wide.csv").write_text(",".join([*heads, "y"]) + "\n" + rows)
    network = source_network(MLPSpec(30, (4,), 2), notes=())
    chosen = settings(model="m.keras", sources="one", target=table("wide.csv:label=y,scale=none"))
    (note,) = model_notes(network, "m.keras", build_comparison(chosen, network))
    assert "c0, c1, " in note and "30 in all" in note and "c20" not in note
