"""Lists of bands, as options take them."""

from __future__ import annotations

import click


def band_numbers(
    ctx: click.Context, param: click.Parameter, listed: str | None
) -> tuple[int, ...] | None:
    """Read "3,2,1"."""
    if listed is None:
        return None
    numbers = listed.split(",")
    if not all(number.strip().isdecimal() and int(number) > 0 for number in numbers):
        raise click.BadParameter(
            f"'{listed}' is not a list of band numbers from 1, such as 3,2,1", ctx, param
        )
    return tuple(int(number) for number in numbers)


def band_list(
    ctx: click.Context, param: click.Parameter, listed: str | None
) -> tuple[int | str, ...] | None:
    """Read "3,2,1" or "nir,red,green"."""
    if listed is None:
        return None
    from geomrcnn.inference.bands import parse_bands

    try:
        return parse_bands(listed)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error
