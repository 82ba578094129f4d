#!/usr/bin/env python3
"""The admin port of a relay: what it says is what happened, and nothing of it tells who or what."""

import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request

from processes import PATIENCE, Chat, Folder, Relay, check, run


def get(url, **headers):
    """Status, headers and text of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def ask(url, method):
    """The status of a request by any method."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.request(method, "/metrics", body=b"x" if method != "HEAD" else None)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, text


def metrics(url):
    """Each sample by its name with labels, after a look at the form of every line."""
    status, headers, text = get(url + "/metrics")
    check(status == 200, f"/metrics answers {status}")
    check(headers["Content-Type"].startswith("text/plain; version=0.0.4"), headers["Content-Type"])
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            check(re.fullmatch(r"# (HELP|TYPE) [a-z_]+ .+", line), f"not a comment of Prometheus: {line}")
            continue
        found = re.fullmatch(r'([a-z_]+(?:\{[a-z_]+="[^"\\]*"(?:,[a-z_]+="[^"\\]*")*\})?) ([0-9.e+-]+|\+Inf)', line)
        check(found, f"not a sample of Prometheus: {line}")
        check(found.group(1) not in samples, f"twice: {line}")
        samples[found.group(1)] = float(found.group(2))
    return samples


def wait_until(url, wanted):
    """Waits until these samples have these values; gives all samples."""
    deadline = time.monotonic() + PATIENCE
    while True:
        samples = metrics(url)
        wrong = {name: samples.get(name) for name, value in wanted.items() if samples.get(name) != value}
        if not wrong:
            return samples
        check(time.monotonic() < deadline, f"wanted {wanted}, and have {wrong}")
        time.sleep(0.05)


def histogram(samples, name, at_least):
    """A histogram is cumulative, ends with its count, and saw as much as that."""
    buckets = [value for key, value in samples.items() if key.startswith(f"{name}_bucket")]
    check(buckets == sorted(buckets) and buckets[-1] == samples[f"{name}_count"], f"{name} does not add up")
    check(samples[f"{name}_count"] >= at_least, f"{name} saw {samples[f'{name}_count']} and not {at_least}")
    check(samples[f"{name}_sum"] > 0, f"{name} has no sum")


def pages(url):
    check(get(url + "/healthz")[::2] == (200, "ok\n"), "/healthz")
    check(get(url + "/readyz")[::2] == (200, "ready\n"), "/readyz")
    check(get(url + "/nothing")[0] == 404, "a page that is not there")
    check(get(url + "/../../etc/passwd")[0] == 404, "a path that leads out")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "MKCOL"):
        check(ask(url, method)[0] == 405, f"{method} is not refused")
    check(ask(url, "HEAD") == (200, b""), "HEAD")
    for host in ("evil.example", "127.0.0.1.evil.example:80"):
        check(get(url + "/metrics", Host=host)[0] == 403, f"{host} may read")
    check(get(url + "/metrics", Host="localhost:1")[0] == 200, "localhost may not read")
    status, headers, text = get(url + "/")
    policy = headers["Content-Security-Policy"]
    check(status == 200 and "default-src 'none'" in policy and "unsafe" not in policy, policy)
    check(not re.search(r"(src|href)=.?https?:", text), "the page loads something from elsewhere")
    nonces = re.findall(r'nonce="(\w+)"', text)
    check(len(nonces) == 2 and all(f"'nonce-{nonce}'" in policy for nonce in nonces), "style and script have no nonce")
    check(get(url + "/")[2] != text, "the nonce is always the same")


def main():
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay"), arguments=["--admin-port", "0"]).ready()
        url = relay.admin()
        pages(url)
        start = metrics(url)
        check(start['sotto_connections{kind="main"}'] == 0, "somebody is there before anybody came")
        check(abs(start["process_start_time_seconds"] - time.time()) < PATIENCE, "the start is not now")

        ann = Chat("ann", os.path.join(folder, "ann"), relay).register()
        ben = Chat("ben", os.path.join(folder, "ben"), relay).register()
        ann.ask("/new ben")
        ann.ask("/burst 50 something that nobody else may read")
        ann.ask("/settle")
        ben.ask("/find ann")
        ben.ask("/wait-chat ann")
        ben.ask("/wait 50")
        # The founding and 50 messages, each to two devices; all are acked, so none stays.
        samples = wait_until(url, {
            'sotto_connections{kind="main"}': 2, 'sotto_connections{kind="unauthenticated"}': 0,
            'sotto_sessions_accepted_total{kind="main"}': 2, "sotto_sessions_refused_total": 0,
            'sotto_requests_total{command="register",status="SUCCESS"}': 2,
            'sotto_requests_total{command="create_chat",status="SUCCESS"}': 1,
            'sotto_requests_total{command="send_message",status="SUCCESS"}': 50,
            "sotto_entries_accepted_total": 51, "sotto_entries_delivered_total": 102, "sotto_entries_acked_total": 51,
            "sotto_entries_expired_total": 0, "sotto_log_entries": 0, "sotto_chats_in_memory": 1, "sotto_blobs": 0,
            "sotto_rate_limited_total": 0, "sotto_commit_failures_total": 0})
        check(samples["sotto_received_bytes_total"] > 50 * 200, "too few bytes came in")
        check(samples["sotto_sent_bytes_total"] > 50 * 200, "too few bytes went out")
        histogram(samples, "sotto_request_seconds", 55)
        histogram(samples, "sotto_commit_seconds", 3)
        histogram(samples, "sotto_commit_writes", 3)

        # What waits for somebody who is away.
        check(ben.terminate() == 0, "sotto-chat does not exit 0 on SIGTERM")
        wait_until(url, {'sotto_connections{kind="main"}': 1})
        ann.ask("/burst 7 waiting")
        ann.ask("/settle")
        wait_until(url, {"sotto_log_entries": 7, "sotto_entries_accepted_total": 58})
        status = json.loads(get(url + "/status.json")[2])
        check(status["log_entries"] == 7 and status["connections_main"] == 1 and status["unready"] == "", status)

        everything = "".join(get(url + page)[2] for page in ("/metrics", "/status.json"))
        for secret in ("ann", "ben", "nobody", ann.user, ben.user):
            check(not re.search(rf"\b{secret}\b", everything), f"the admin port tells of {secret}")

        # What is stored is counted anew after a restart.
        check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")
        relay = Relay(relay.folder, arguments=["--admin-port", "0"]).ready()
        check(metrics(relay.admin())["sotto_log_entries"] == 7, "the log is not counted at the start")
        check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")
    print("metrics, status and pages say what happened")


if __name__ == "__main__":
    run(main)
