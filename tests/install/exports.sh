#!/usr/bin/env bash
# A shared library of ours exports its API and nothing else: no internal namespace, no library that it is built on, no
# instantiation of a standard template.
set -euo pipefail
symbols=$(nm -D --defined-only -C "$1" | sed -E 's/^[0-9a-f]+ . //')
api='sotto::(Client|AttachmentReader|Relay)::|sotto::Executor|sotto::(error_name|error_text|error_retryable|to_string)\('
strangers=$(grep -vE "^($api|(typeinfo|typeinfo name|vtable) for sotto::Executor$|sotto_[a-z0-9_]+$)" <<<"$symbols" || true)
if [ -n "$strangers" ]; then
  echo "$1 exports more than the API:"
  echo "$strangers"
  exit 1
fi
grep -qE '^sotto::(Client::open|Relay::start)\(' <<<"$symbols" || { echo "the API is missing:"; echo "$symbols"; exit 1; }
echo "$(wc -l <<<"$symbols") symbols, all of the API"
