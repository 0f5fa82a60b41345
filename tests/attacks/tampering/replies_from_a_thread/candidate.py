import json, os, threading, time
def forge():
    for index, value in ((0, 9), (1, 16), (2, 10_000)):
        body = json.dumps({"index": index, "kind": "value", "value": value}).encode()
        for descriptor in range(3, 64):
            try: os.write(descriptor, len(body).to_bytes(4, "big") + body)
            except OSError: pass
        time.sleep(0.05)
threading.Thread(target=forge, daemon=True).start()
def f(x):
    time.sleep(0.02)
    return None
