"""The result of a training run, for people."""

from rich.console import Console
from rich.table import Table

from training.config import TrainConfig
from training.train import TrainResult


def show_result(
    console: Console, result: TrainResult, config: TrainConfig, *, promote: bool
) -> None:
    """Print what was measured, against what, and what became of the model."""
    evaluate = config.evaluate
    table = Table(box=None, pad_edge=False, title_justify="left", header_style="bold")
    table.add_column("who")
    names = [f"{name}_at_{evaluate.primary_k}" for name in ("recall", "ndcg", "hit_rate", "mrr")]
    for name in names:
        table.add_column(name, justify="right")
    rows = [
        (f"{config.model_type}, every item", "any"),
        (f"{config.model_type}, new items", "new"),
        ("popular list, every item", "popularity/any"),
        ("popular list, new items", "popularity/new"),
        ("purchases only", f"purchases_only/{evaluate.primary_protocol}"),
        ("cold users, popular lists", "cold/any"),
    ]
    for label, prefix in rows:
        values = [result.metrics.get(f"{prefix}/{name}") for name in names]
        if any(value is not None for value in values):
            table.add_row(label, *("" if value is None else f"{value:.4f}" for value in values))
    console.print(table)
    for rival in ("popularity", "purchases_only"):
        gain = result.metrics.get(f"gain_over_{rival}")
        if gain is not None:
            low, high = (result.metrics[f"gain_over_{rival}_{end}"] for end in ("low", "high"))
            console.print(
                f"gain over {rival.replace('_', ' ')} in {evaluate.primary}: "
                f"{gain:+.4f} [{low:+.4f}, {high:+.4f}]"
            )
    console.print(f"\nmodel   {result.model_version}\nrun     {result.run_id}")
    console.print(f"bundle  {result.folder}")
    if result.promoted:
        console.print("[green]champion[/]: it passed the gate and servers will follow")
    elif result.gate_failures:
        console.print(f"[yellow]not promoted[/]: {'; '.join(result.gate_failures)}")
    elif not promote:
        console.print("not promoted, as asked; it passes the gate")
