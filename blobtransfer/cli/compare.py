"""`compare`: training from scratch against starting from a source network, over many repeats."""

from blobtransfer.cli.options import ComparisonOptions, ExecutionOptions
from blobtransfer.cli.output import OutputOptions
from blobtransfer.cli.run import Request, check_curves, run
from blobtransfer.studies.comparison import build_comparison, read_source_network


def compare(
    *,
    comparison: ComparisonOptions,
    execution: ExecutionOptions,
    output: OutputOptions,
    argv: tuple[str, ...],
) -> None:
    """Compare training from scratch with starting from a source network, over many repeats."""
    settings = comparison.settings()
    check_curves(output, settings.speed)
    output.check_explained()
    source_network = read_source_network(settings)
    spec = build_comparison(settings, source_network)
    request = Request(spec, spec, settings, source_network, comparison.data.descriptions)
    run(request, execution, output, argv)
