"""GeoJSON to be afraid of: shapes, numbers, structures and texts that no program wrote."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyproj
import shapely
import shapely.affinity
from shapely import Polygon

from tests.fuzz.prediction import HEIGHT, OBJECTS, WIDTH
from tests.labelled import on_map
from tests.rasters import UTM

Rng = np.random.Generator


class Hostile(NamedTuple):
    """A file's content, and the objects that lie in its area if that is beyond doubt."""

    content: bytes
    objects: set[int] | None = None


def hostile(rng: Rng) -> Hostile:
    """One of all."""
    makers: tuple[tuple[float, Callable[[Rng], Hostile]], ...] = (
        (0.25, sound), (0.3, odd_shapes), (0.25, odd_structure), (0.12, odd_text), (0.07, deep),
        (0.01, enormous),
    )  # fmt: skip
    shares, functions = zip(*makers, strict=True)
    return functions[rng.choice(len(functions), p=shares)](rng)


# --- sound ones: the answer is known -------------------------------------------------------------

NAMED = {
    "urn:ogc:def:crs:EPSG::32632": UTM,
    "EPSG:32632": UTM,
    "EPSG:3857": "EPSG:3857",
    "EPSG:32633": "EPSG:32633",  # of the neighbouring zone
    "urn:ogc:def:crs:OGC:1.3:CRS84": "EPSG:4326",
}


def sound(rng: Rng) -> Hostile:
    """Polygons as they should be, or not quite, in one of many CRSs."""
    shapes = [blob(rng) for _ in range(rng.integers(1, 4))]
    name = str(rng.choice(["", *NAMED]))
    way = pyproj.Transformer.from_crs(UTM, NAMED.get(name, "EPSG:4326"), always_xy=True)
    moved = [
        shapely.transform(
            on_map(shape), lambda xy: np.stack(way.transform(xy[:, 0], xy[:, 1]), axis=1)
        )
        for shape in shapes
    ]
    if rng.random() < 0.2:  # on the other side of where longitudes begin anew
        moved, name = (
            [shapely.transform(shape, lambda xy: xy + np.array([360, 0])) for shape in moved],
            "+",
        )
    crs = {} if name in ("", "+") else {"crs": {"type": "name", "properties": {"name": name}}}
    text = json.dumps(collection([shapely.geometry.mapping(shape) for shape in moved], **crs))
    certain = name != "+" or None
    return Hostile(text.encode(), certain and seen_in(shapely.union_all(shapes)))


def blob(rng: Rng) -> Polygon:
    """A star or a box somewhere near the raster, in its pixels."""
    x, y = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
    if rng.random() < 0.3:
        width, height = rng.uniform(4, 120, 2)
        return shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    corners = int(rng.integers(3, 40))
    angle = np.sort(rng.uniform(0, math.tau, corners))
    reach = rng.uniform(5, 60, corners)
    star = Polygon(np.stack([x + reach * np.cos(angle), y + reach * np.sin(angle)], axis=1))
    return star if star.is_valid else star.convex_hull


def seen_in(area: shapely.Geometry) -> set[int] | None:
    """The objects whose middle lies in an area; None if one is too near to its edge to tell."""
    middles = np.array([shape.centroid for shape in OBJECTS])
    if (shapely.distance(middles, area.boundary) < 1.5).any():
        return None
    return {int(number) for number in np.flatnonzero(shapely.contains(area, middles))}


def collection(geometries: list[Any], **members: Any) -> dict[str, Any]:
    """Features of the geometries."""
    features = [
        {"type": "Feature", "properties": {"class": "field"}, "geometry": geometry}
        for geometry in geometries
    ]
    return {"type": "FeatureCollection", **members, "features": features}


# --- odd shapes and numbers ----------------------------------------------------------------------

WEST, SOUTH, STEP = 9.0, 45.152, 0.0005
"""Near the raster's lower left corner, and some 50 m, in degrees."""
ODD_NUMBERS = (
    math.nan, math.inf, -math.inf, 1e308, -1e308, 1e-308, 5e-324, 0, -0.0, 180, -180, 90, -90, 181,
    540, 1e9, 2**63, 10**40, 0.1 + 0.2, 500_100, 5_000_000, True, None, "9.0", "", [], [9], {},
)  # fmt: skip
ODD_CRS: tuple[Any, ...] = (
    None, 7, [], "EPSG:4326", {}, {"type": "name"}, {"type": "name", "properties": None},
    *({"type": "name", "properties": {"name": name}} for name in (
        None, 4326, "", "EPSG:99999", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326", "EPSG:4978",
        "EPSG:2056", "EPSG:3031", "EPSG:5041", "EPSG:5773", "EPSG:4326+5773", "IAU_2015:30100",
        "+proj=nonsense", "+proj=utm +zone=32", "LOCAL_CS[\"x\"]", "GEOGCS[", "x" * 100_000,
    )),
    {"type": "EPSG", "properties": {"code": 32632}}, {"type": "EPSG", "properties": {"code": "x"}},
    {"type": "link", "properties": {"href": "http://127.0.0.1:1/crs", "type": "ogcwkt"}},
)  # fmt: skip


def odd_shapes(rng: Rng) -> Hostile:
    """Geometries that are wrong, or right in ways nobody expects, sometimes beside sound ones."""
    geometries = [odd_geometry(rng) for _ in range(rng.integers(1, 5))]
    if rng.random() < 0.3:
        geometries.append({"type": "Polygon", "coordinates": [ring(rng)]})
    crs = {"crs": ODD_CRS[rng.integers(len(ODD_CRS))]} if rng.random() < 0.4 else {}
    return Hostile(json.dumps(collection(geometries, **crs)).encode())


def ring(rng: Rng) -> list[list[Any]]:
    """A closed ring that may cross itself."""
    points = rng.uniform(0, 5, (int(rng.integers(3, 12)), 2))
    if rng.random() < 0.3:
        points = np.rint(points)  # meets itself in points and along edges
    corners = [[WEST + STEP * x, SOUTH + STEP * y] for x, y in points.tolist()]
    return [*corners, corners[0]]


def odd_ring(rng: Rng) -> Any:
    """A ring with something wrong."""
    points: list[Any] = ring(rng)
    match int(rng.integers(0, 9)):
        case 0:  # not closed
            return points[:-1]
        case 1:  # too short
            return points[: rng.integers(0, 4)]
        case 2:  # always the same point
            return [points[0]] * len(points)
        case 3:  # back the way it came
            return [*points, *points[::-1]]
        case 4:  # numbers that are none, or too large
            for _ in range(rng.integers(1, 4)):
                odd = ODD_NUMBERS[rng.integers(len(ODD_NUMBERS))]
                points[rng.integers(len(points))][rng.integers(2)] = odd
            return points
        case 5:  # one, three, four or ten numbers to a point
            count = int(rng.choice([0, 1, 3, 4, 10]))
            return [(point * 5)[:count] for point in points]
        case 6:  # latitude first
            return [point[::-1] for point in points]
        case 7:  # across the antimeridian, or around a pole
            where = [[179.9, -89.9], [170.0, 80.0]][rng.integers(2)]
            return [[where[0] + 9 * (x - WEST) / STEP, where[1]] for x, _ in points]
        case _:  # no list of points
            return ODD_NUMBERS[rng.integers(len(ODD_NUMBERS))]


def odd_geometry(rng: Rng, level: int = 0) -> Any:
    """A geometry of any type."""
    rings = [odd_ring(rng) if rng.random() < 0.6 else ring(rng) for _ in range(rng.integers(0, 4))]
    match int(rng.integers(0, 10)):
        case 0:
            return None
        case 1:
            return {"type": "Polygon", "coordinates": []}
        case 2:
            kind = str(rng.choice(["Point", "MultiPoint", "LineString", "MultiLineString"]))
            point, line = ring(rng)[0], ring(rng)
            lines = {"Point": point, "MultiPoint": line, "LineString": line}
            return {"type": kind, "coordinates": lines.get(kind, [line, line])}
        case 3 if level < 4:
            inside = [odd_geometry(rng, level + 1) for _ in range(rng.integers(0, 4))]
            return {"type": "GeometryCollection", "geometries": inside}
        case 4:
            parts = [[ring(rng)] for _ in range(rng.integers(0, 4))]
            return {"type": "MultiPolygon", "coordinates": [*parts, rings]}
        case 5:
            return {"type": str(rng.choice(["polygon", "Curve", "", "Feature"])),
                    "coordinates": rings}  # fmt: skip
        case _:
            return {"type": "Polygon", "coordinates": rings}


# --- odd structures ------------------------------------------------------------------------------


def odd_structure(rng: Rng) -> Hostile:
    """Right geometries in wrong places: members missing, doubled, or of another type."""
    document: Any = collection([{"type": "Polygon", "coordinates": [ring(rng)]} for _ in range(3)])
    for _ in range(rng.integers(1, 4)):
        document = with_something_else(document, rng)
    return Hostile(json.dumps(document).encode())


def with_something_else(value: Any, rng: Rng) -> Any:
    """A copy of JSON in which a member, an entry or the whole is another thing."""
    if isinstance(value, (dict, list)) and value and rng.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = keys[rng.integers(len(keys))]
        if isinstance(value, dict) and rng.random() < 0.15:
            return {name: inside for name, inside in value.items() if name != key}
        items = value.items() if isinstance(value, dict) else enumerate(value)
        changed = {
            name: with_something_else(inside, rng) if name == key else inside
            for name, inside in items
        }
        return changed if isinstance(value, dict) else list(changed.values())
    instead = [*ODD_NUMBERS, [value], [[value]], {"type": value}, "Polygon", "FeatureCollection"]
    return instead[rng.integers(len(instead))]


# --- texts ---------------------------------------------------------------------------------------


def odd_text(rng: Rng) -> Hostile:
    """Text that is hardly JSON, or in another encoding."""
    text = json.dumps(collection([{"type": "Polygon", "coordinates": [ring(rng)]}]))
    place = int(rng.integers(0, len(text)))
    ways: tuple[bytes, ...] = (
        b"", b" \n\t", b"null", b"[]", b"{}", b"7", b"\xef\xbb\xbf" + text.encode(), b"\0" * 999,
        text.encode("utf-16"), text.encode("utf-8")[:place], text[place:].encode(),
        text.replace(",", ",,", 1).encode(), text.replace('"', "'").encode(),
        (text[:place] + "\ud800\0\x1b[2J"[rng.integers(0, 3) :] + text[place:]).encode(
            "utf-8", "surrogatepass"
        ),
        (text + text).encode(), (text + "\n" + text).encode(), b"\x1e" + text.encode(),
        rng.bytes(int(rng.integers(1, 5000))), b"\x1f\x8b\x08" + rng.bytes(200),
        b"<html><body>404 Not Found</body></html>", text.encode() + b" " * 1_000_000,
    )  # fmt: skip
    return Hostile(ways[rng.integers(len(ways))])


def deep(rng: Rng) -> Hostile:
    """Thousands of brackets, collections or objects within one another."""
    levels = int(rng.choice([20, 600, 5_000, 100_000]))
    inner = json.dumps({"type": "Polygon", "coordinates": [ring(rng)]})
    opening, closing = (
        ('{"type": "GeometryCollection", "geometries": [', "]}"),
        ("[", "]"),
        ('{"a": ', "}"),
        ('{"type": "Polygon", "coordinates": [', "]}"),
    )[rng.integers(4)]
    geometry = opening * levels + inner + (closing * levels if rng.random() < 0.8 else "")
    feature = f'{{"type": "Feature", "properties": {{}}, "geometry": {geometry}}}'
    wrapped = f'{{"type": "FeatureCollection", "features": [{feature}]}}'
    return Hostile((wrapped if rng.random() < 0.7 else geometry).encode())


def enormous(rng: Rng) -> Hostile:
    """A polygon of 100,000 vertices, or as many features; it may cross itself everywhere."""
    count, rough = 100_000, rng.random() < 0.3
    # GEOS mends crossings one by one: with 2,000 vertices there are a million, and it takes 20 s.
    angle = np.linspace(0, math.tau, 1_000 if rough else count, endpoint=False)
    reach = rng.uniform(1.0, 3.0, len(angle)) if rough else 2 + 0.5 * np.sin(angle * 5_000)
    if rough:
        rng.shuffle(angle)
    x = WEST + STEP * (2 + reach * np.cos(angle))
    y = SOUTH + STEP * (2 + reach * np.sin(angle))
    points = np.stack([x, y], axis=1).tolist()
    if rng.random() < 0.3:
        small = [[[px, py], [px + STEP, py], [px, py + STEP], [px, py]] for px, py in points]
        return Hostile(json.dumps(collection([
            {"type": "Polygon", "coordinates": [triangle]} for triangle in small[:10_000]
        ])).encode())  # fmt: skip
    geometry = {"type": "Polygon", "coordinates": [[*points, points[0]]]}
    return Hostile(json.dumps(collection([geometry])).encode())
