"""Texture of surfaces: asphalt, paving slabs, bricks and plaster, in world coordinates."""

import numpy as np

from uapseg.scenes.camera import Camera
from uapseg.scenes.canvas import Material
from uapseg.scenes.ground import Street
from uapseg.scenes.noise import Field, noise_tile, sample_noise

Plan = tuple[Field, Field, Field]
HASH = 521.0


def _ground(camera: Camera, rows: Field, columns: Field) -> Plan:
    """Return x, z and metres per pixel of the ground at canvas ``rows`` and ``columns``."""
    z = camera.focal * camera.height / np.maximum(rows - camera.v0, 1.0)
    x = camera.x + (columns - camera.u0 - camera.focal * camera.bend * z) * z / camera.focal
    return x.astype(np.float32), z.astype(np.float32), (2.0 * z / camera.focal).astype(np.float32)


def _wall(camera: Camera, street: Street, rows: Field, columns: Field) -> Plan:
    """Return distance along, height up and metres per pixel of the building line's plane."""
    offset = columns - camera.u0
    plane = np.where(offset < 0, street.left_wall - camera.x, street.right_wall - camera.x)
    z = np.clip(camera.focal * plane / np.where(np.abs(offset) < 8, 8 * np.sign(plane), offset), 1.0, 90.0)
    for _ in range(2):
        offset_without_bend = offset - camera.focal * camera.bend * z
        offset_without_bend = np.where(offset_without_bend * plane > 0, offset_without_bend, np.sign(plane) * 8)
        z = np.clip(
            camera.focal * plane / np.where(np.abs(offset_without_bend) < 8, 8 * np.sign(plane), offset_without_bend),
            1.0,
            90.0,
        )
    y = camera.height + (camera.v0 - rows) * z / camera.focal
    return z.astype(np.float32), y.astype(np.float32), (2.0 * z / camera.focal).astype(np.float32)


def _cells(first: Field, second: Field) -> Field:
    """Return a random value in -1..1 for every pair of whole numbers."""
    rows = (first * 7.0 + second * 131.0) % HASH
    return np.sin(rows * 12.9898) * np.float32(1.0)


def _joints(position: Field, width: float, footprint: Field) -> Field:
    """Return the share of joint in a pixel, with joints of ``width`` at whole values of ``position``."""
    edge = np.abs(position - np.round(position))
    return np.clip((width + footprint - edge) / (2 * footprint + 1e-6), 0, 1) * np.minimum(
        1.0, width / footprint * 1.2
    )


def _asphalt(plan: Plan) -> Field:
    x, z, _ = plan
    coarse = sample_noise(1.1, z * 9.0, x * 22.0)
    fine = sample_noise(0.35, z * 31.0, x * 60.0)
    tracks = 0.03 * np.cos((x % 3.4) * (2 * np.pi / 1.7))
    return 1.0 + 0.055 * coarse + 0.06 * fine * np.clip(14 / z, 0.2, 1.0) + tracks


def _slabs(plan: Plan) -> Field:
    x, z, footprint = plan
    row = z / 0.7
    column = x / 0.7 + 0.5 * (np.floor(row) % 2)
    tone = _cells(np.floor(row), np.floor(column)) * np.clip(0.7 / (8 * footprint), 0, 1)
    along = np.clip(footprint * z / 2.0, 0.03, 1.0) / 0.7
    lines = np.maximum(_joints(column, 0.02, footprint / 1.4), _joints(row, 0.02, along))
    return (1.0 + 0.06 * tone + 0.05 * sample_noise(1.0, z * 12.0, x * 25.0)) * (1.0 - 0.34 * lines)


def _brick(plan: Plan) -> Field:
    along, up, footprint = plan
    course = up / 0.16
    header = along / 0.46 + 0.5 * (np.floor(course) % 2)
    fade = np.clip(1.5 - footprint * 9, 0.0, 1.0)
    tone = _cells(np.floor(course), np.floor(header)) * fade
    lines = np.maximum(_joints(course, 0.07, footprint / 0.3), _joints(header, 0.03, footprint / 0.3)) * fade
    return (1.0 + 0.10 * tone + 0.06 * sample_noise(1.0, up * 20.0, along * 20.0)) * (1.0 - lines * 0.2) + 0.05 * lines


def _plaster(plan: Plan) -> Field:
    along, up, _ = plan
    return 1.0 + 0.045 * sample_noise(1.4, up * 9.0, along * 16.0) + 0.018 * sample_noise(0.7, up * 24.0, along * 24.0)


def grain(camera: Camera, street: Street, materials: np.ndarray) -> Field:
    """Return the factor (about 0.7 to 1.3) by which each pixel's brightness varies.

    Args:
        camera: Camera of the canvas, in canvas pixels (twice the final size).
        street: Plan of the street.
        materials: ``Material`` of each final pixel, uint8 (height, width).

    Example:
        >>> camera = Camera(focal=700, u0=384, v0=256, height=1.5, x=0, bend=0)
        >>> street = Street(left_wall=-8, left_kerb=-3, right_kerb=3, right_wall=7)
        >>> grain(camera, street, np.full((256, 384), Material.ASPHALT, np.uint8)).shape
        (256, 384)
    """
    height, width = materials.shape
    factor = 1.0 + 0.006 * noise_tile(0.7)[:height, :width]
    rough = materials == Material.RENDER
    factor[rough] += 0.05 * noise_tile(1.2)[:height, :width][rough]
    for material, painter, ground in (
        (Material.ASPHALT, _asphalt, True),
        (Material.SLABS, _slabs, True),
        (Material.BRICK, _brick, False),
        (Material.PLASTER, _plaster, False),
    ):
        rows, columns = np.nonzero(materials == material)
        place = (2.0 * rows.astype(np.float32) + 1.0, 2.0 * columns.astype(np.float32) + 1.0)
        plan = _ground(camera, *place) if ground else _wall(camera, street, *place)
        factor[rows, columns] = painter(plan)
    return factor
