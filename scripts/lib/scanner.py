"""What judging a statement costs: builds and runs tests/bench/scanner_bench.cpp (Google Benchmark)."""

import json
import statistics
import subprocess

from building import build


class ScannerError(Exception):
    pass


def run(program, repetitions):
    """Processor time of each run in nanoseconds, and the text's bytes, by name."""
    done = subprocess.run([str(program), "--benchmark_min_time=0.1", f"--benchmark_repetitions={repetitions}",
                           "--benchmark_format=json"], capture_output=True, text=True)
    if done.returncode != 0:
        raise ScannerError(f"scanner_bench failed: {done.stderr[-1000:]}")
    times, sizes = {}, {}
    for sample in json.loads(done.stdout)["benchmarks"]:
        if sample.get("error_occurred"):
            raise ScannerError(f"{sample['run_name']}: {sample['error_message']}")
        if sample["run_type"] == "iteration":
            times.setdefault(sample["run_name"], []).append(sample["cpu_time"])
            sizes[sample["run_name"]] = sample["bytes_per_second"] * sample["cpu_time"] / 1e9
    return times, sizes


def print_table(times, sizes):
    print(f"{'statement':22} {'bytes':>7} {'best':>10} {'median':>10}    {'best':>7} {'median':>7}")
    for name, samples in times.items():
        best, median = min(samples), statistics.median(samples)
        print(f"{name:22} {sizes[name]:7.0f} {best:7.0f} ns {median:7.0f} ns {sizes[name] / best * 1e3:7.0f} "
              f"{sizes[name] / median * 1e3:7.0f} MB/s")


def measure(root, say, repetitions=9):
    say("building scanner_bench")
    times, sizes = run(build(root, "scanner_bench"), repetitions)
    print_table(times, sizes)
