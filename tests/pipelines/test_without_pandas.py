"""Our own processes do not pay for a pandas that happens to be installed."""

import subprocess
import sys

_ARROW = "import pyarrow as pa; pa.array(['a']); import sys; print('pandas' in sys.modules)"


def imports_pandas(first: str) -> bool:
    done = subprocess.run([sys.executable, "-c", f"{first}; {_ARROW}"], capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


def test_a_process_of_ours_makes_arrow_arrays_without_importing_pandas() -> None:
    assert imports_pandas("pass")
    assert not imports_pandas("from pipelines.without_pandas import do_without_pandas; do_without_pandas()")
