"""`geomrcnn inspect model`: what a model file says about itself."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """
\b
Examples:
  geomrcnn inspect model fields
  geomrcnn inspect model runs/roofs.zip --out roofs.html
"""


@click.command(epilog=EXAMPLES)
@click.argument("model")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path),
              help="HTML file to write the card to, with a chart of its reliability.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
def model(model: str, out: Path | None, overwrite: bool) -> None:
    """Show the card of MODEL: a shipped model's name, or a bundle file.

    The card says what the model detects, in which bands, at which ground sample distance, what it
    was trained on, under which licence, how good it is, and how far its scores can be trusted.
    """
    from geomrcnn.bundle.bundle import Bundle
    from geomrcnn.evaluation.tables import as_text, card_tables, reliability_table
    from geomrcnn.formats.destination import check_destination

    card = Bundle.open(model).card
    if out is not None:
        check_destination(out, overwrite)
    tables = card_tables(card)
    if card.reliability:
        tables.append(reliability_table(card))
    click.echo("\n\n".join(map(as_text, tables)))
    if out is not None:
        from geomrcnn.evaluation.report import write_card

        write_card(out, card)
