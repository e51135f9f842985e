"""The checker itself: it finds nothing where nothing is wrong."""

from tests.torture.checker import same_captures
from tests.torture.world import SmallWorld, Undisturbed, all_damage, differences_from


def test_an_undisturbed_archive_has_no_damage(world: SmallWorld, undisturbed: Undisturbed) -> None:
    assert all_damage(world, undisturbed.archive) == []
    assert differences_from(undisturbed.tables, same_captures, undisturbed.archive) == []
    assert len(undisturbed.tables["appearances"]) == len(world.urls)
