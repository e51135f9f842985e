"""Native libraries give memory back, which each is told by its environment before it is loaded."""

import os
import subprocess
import sys

from pipelines.memory import FRUGAL_ALLOCATORS


def complaints(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return done.stdout + done.stderr


def test_deltalakes_allocator_reads_what_we_tell_it_and_understands_all_of_it() -> None:
    assert "Invalid conf pair" in complaints("import deltalake", _RJEM_MALLOC_CONF="nonsense:1")
    assert not complaints("import deltalake", **FRUGAL_ALLOCATORS)


def test_arrow_takes_its_memory_from_the_system() -> None:
    code = "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    assert complaints(code, **FRUGAL_ALLOCATORS).strip() == "system"


def test_the_names_are_known_before_either_is_loaded() -> None:
    code = "import sys, pipelines.memory; print({'pyarrow', 'deltalake'} & sys.modules.keys())"
    assert complaints(code).strip() == "set()"
