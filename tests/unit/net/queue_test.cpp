#include "net/assembler.h"
#include "net/send_queue.h"
#include "support/catch.h"

using namespace sotto;
using namespace sotto::net;

namespace {

void push(SendQueue& queue, std::size_t size, std::uint8_t fill) {
  queue.push(std::make_shared<const Bytes>(size, fill));
}

}  // namespace

TEST_CASE("waiting messages are joined up to the coalescing size, never split") {
  SendQueue queue;
  Bytes out;
  push(queue, coalesce_bytes - 1, 1);
  push(queue, 1, 2);
  push(queue, 1, 3);
  push(queue, coalesce_bytes + 1, 4);
  push(queue, 5, 5);
  CHECK(queue.bytes() == 2 * coalesce_bytes + 7);

  queue.take(10, out);
  CHECK(out.size() == 10 + coalesce_bytes);
  CHECK(out.back() == 2);
  queue.take(10, out);
  CHECK(out.size() == 11);
  CHECK(out.back() == 3);
  queue.take(10, out);
  CHECK(out.size() == 10 + coalesce_bytes + 1);
  CHECK(out[10] == 4);
  queue.take(0, out);
  CHECK(out == Bytes(5, 5));
  CHECK(queue.empty());
}

TEST_CASE("a message of nothing is no message") {
  SendQueue queue;
  push(queue, 0, 0);
  CHECK(queue.empty());
}

TEST_CASE("a long queue keeps its order") {
  SendQueue queue;
  Bytes sent;
  Bytes received;
  Bytes out;
  for (std::size_t i = 0; i < 3000; ++i) {
    const Bytes message(1 + i % 700, static_cast<std::uint8_t>(i));
    append(sent, message);
    queue.push(std::make_shared<const Bytes>(message));
    if (i % 200 == 0) {
      queue.take(0, out);
      append(received, out);
    }
  }
  while (!queue.empty()) {
    queue.take(0, out);
    append(received, out);
  }
  CHECK(received == sent);
}

TEST_CASE("a message is put together from pieces") {
  Assembler assembler;
  CHECK(assembler.add(Bytes{1}, true, false, 2, 10) == Assembler::Result::more);
  CHECK(assembler.add(Bytes{2, 3}, false, false, 0, 10) == Assembler::Result::more);
  CHECK(assembler.add(Bytes{4}, false, true, 0, 10) == Assembler::Result::complete);
  CHECK(assembler.take() == Bytes{1, 2, 3, 4});
  CHECK(assembler.add(Bytes{}, true, true, 0, 10) == Assembler::Result::complete);
  CHECK(assembler.take().empty());
}

TEST_CASE("a message is refused as soon as it is known to be too large") {
  Assembler assembler;
  CHECK(assembler.add(Bytes(10), true, true, 0, 10) == Assembler::Result::complete);
  CHECK(assembler.add(Bytes(11), true, true, 0, 10) == Assembler::Result::too_large);
  CHECK(assembler.add(Bytes(1), true, false, 10, 10) == Assembler::Result::too_large);
  CHECK(assembler.add(Bytes(1), true, false, SIZE_MAX, 10) == Assembler::Result::too_large);
  CHECK(assembler.add(Bytes(6), true, false, 0, 10) == Assembler::Result::more);
  CHECK(assembler.add(Bytes(5), false, true, 0, 10) == Assembler::Result::too_large);
}
