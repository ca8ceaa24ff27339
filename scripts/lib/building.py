"""Builds one target of the release build."""

import subprocess


class BuildError(Exception):
    pass


def build(root, target):
    """Returns the program's path."""
    folder = root / "build" / "release"
    if not (folder / "CMakeCache.txt").exists():
        raise BuildError(f"{folder} is not configured: cmake --preset release")
    made = subprocess.run(["cmake", "--build", str(folder), "--target", target], capture_output=True, text=True,
                          timeout=900)
    if made.returncode != 0:
        raise BuildError(f"{target} does not build:\n{made.stdout[-3000:]}")
    return folder / "bin" / target
