// The status page of the admin port. NONCE is replaced in each answer, so that nothing but this very text runs.
#pragma once

namespace sotto::relay {

inline constexpr char admin_page[] = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sotto-relay</title>
<style nonce="NONCE">
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.4rem; margin-bottom: 0; }
  #state { font-weight: 600; }
  #state.ready { color: #1a7f37; }
  #state.unready { color: #c0392b; }
  table { border-collapse: collapse; width: 100%; margin-top: 1rem; }
  td { padding: .25rem 0; border-top: 1px solid #8884; }
  td:last-child { text-align: right; font-variant-numeric: tabular-nums; }
  footer { margin-top: 1rem; opacity: .7; }
</style>
</head>
<body>
<h1>sotto-relay</h1>
<p><span id="state">reading …</span> <span id="since"></span></p>
<table><tbody id="figures"></tbody></table>
<footer>Totals are since the start. <a href="/metrics">Metrics</a> hold more.</footer>
<script nonce="NONCE">
"use strict";
const rows = [
  ["connections_main", "Devices connected"],
  ["connections_media", "Media connections"],
  ["connections_peek", "Peeking connections"],
  ["connections_unauthenticated", "Connections not authenticated yet"],
  ["log_entries", "Entries waiting to be acknowledged"],
  ["entries_accepted", "Entries accepted"],
  ["entries_delivered", "Entries delivered"],
  ["entries_acked", "Entries deleted after all acknowledgements"],
  ["entries_expired", "Entries expired"],
  ["requests", "Requests answered"],
  ["requests_refused", "of them refused"],
  ["rate_limited", "of them for being too many"],
  ["chats_in_memory", "Chats in memory"],
  ["blobs", "Attachments stored"],
  ["blob_bytes", "Bytes of attachments"],
  ["bytes_in", "Bytes received"],
  ["bytes_out", "Bytes sent"],
  ["commit_failures", "Writes that the disk did not take"],
  ["push_notices", "Push notices"],
  ["push_delivered", "of them taken by the gateway"],
  ["push_failed", "of them failed"],
  ["push_coalesced", "Push notices not made since one was on its way"],
  ["push_waiting", "Push notices waiting"],
  ["codes_sent", "Registration codes sent"],
  ["codes_failed", "Registration codes failed"],
  ["codes_waiting", "Registration codes waiting"],
];
const cells = new Map();
for (const [name, label] of rows) {
  const row = document.getElementById("figures").insertRow();
  row.insertCell().textContent = label;
  const cell = row.insertCell();
  cell.id = name;
  cells.set(name, cell);
}
const state = document.getElementById("state");
function show(text, good) {
  state.textContent = text;
  state.className = good ? "ready" : "unready";
}
async function refresh() {
  try {
    const answer = await fetch("/status.json", { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.status);
    const status = await answer.json();
    show(status.unready === "" ? "ready" : "not ready: " + status.unready, status.unready === "");
    document.getElementById("since").textContent =
      "version " + status.version + ", since " + new Date(status.started * 1000).toISOString();
    for (const [name, cell] of cells) {
      cell.parentElement.hidden = !(name in status);  // of a gateway that there is not
      cell.textContent = status[name] === undefined ? "" : String(status[name]);
    }
  } catch {
    show("does not answer", false);
  }
  setTimeout(refresh, 2000);
}
refresh();
</script>
</body>
</html>
)html";

}  // namespace sotto::relay
