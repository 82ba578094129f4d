// The programs of fuzz_make_corpus.
#include "corpus.h"
#include "wire/frame.h"
#include "wire/message.h"

namespace sotto::fuzz {

namespace {

/// A program as FuzzedDataProvider reads it: numbers from the end.
class Program {
 public:
  Program& operator()(std::initializer_list<int> numbers) {
    for (const auto number : numbers) numbers_.push_back(static_cast<std::uint8_t>(number));
    return *this;
  }
  Program& times(int count, std::initializer_list<int> numbers) {
    for (int i = 0; i < count; ++i) (*this)(numbers);
    return *this;
  }
  [[nodiscard]] Bytes bytes() const { return {numbers_.rbegin(), numbers_.rend()}; }

 private:
  Bytes numbers_;
};

void mls_programs(const std::filesystem::path& root) {
  Corpus group(root, "mls_group");
  for (int message = 0; message < 10; ++message) group.add(Program()({0, message}).bytes(), "genuine");
  for (int commit = 0; commit < 4; ++commit) {
    for (const int followed : {0, 1}) {
      // Unchanged, as a private and as a public message, followed or not.
      group.add(Program()({3, commit, 0, 1, 16, followed}).bytes(), "commit");
      group.add(Program()({3, commit, 0, 0, followed}).bytes(), "commit");
    }
  }
  for (int proposal = 0; proposal < 6; ++proposal) {
    group.add(Program()({5, proposal, 0, 1, 0})({4, 0, 1, 1, 0, 0, 1, 0, 0}).bytes(), "proposal");
    group.add(Program()({4, 0, 1, proposal, 1, 0, 1, 0, 1}).bytes(), "built");
  }
  group.add(Program()({6, 0, 0, 0, 0, 0}).bytes(), "join");
  group.add(Program()({6, 0, 0, 1, 0, 0}).bytes(), "join");
  Corpus store(root, "mls_store");
  for (int row = 0; row < 24; ++row) store.add(Program()({0, row, 255, 7, 0, 9, row % 2}).bytes(), "row");
  Corpus client(root, "client_store");
  for (int table = 0; table < 11; ++table) {
    client.add(Program()({table}).times(16, {255, 1}).bytes(), "table");
    client.add(Program()({table}).times(16, {255, 7})({table}).times(16, {255, 2}).bytes(), "table");
  }
  wire::Content content;
  content.set_version(1);
  content.mutable_text()->set_body("text");
  client.add(wire::serialize(content), "content");
  wire::ChatState state;
  state.set_rules_version(1);
  state.set_name("name");
  state.add_admins(std::string(16, 'a'));
  client.add(wire::serialize(state), "state");
}

/// Attachments, and what is said besides the log. Numbers: what of a kind, then whether a step follows.
void engine_media_programs(Corpus& out) {
  const auto begin = [] { return Program()({0, 1}).times(2, {8, 1})({20, 1, 1}); };
  out.add(begin().times(16, {21, 1}).times(4, {8, 1}).bytes(), "files");
  for (int kind = 0; kind < 9; ++kind) {
    for (const int before : {0, 2}) {
      auto program = begin().times(before, {21, 1})({23, 0, 1, kind, 1, 2, 3, 1, 1});
      out.add(program.times(2, {21, 1})({15, 255, 3, 1, 1})({20, 1, 1}).times(6, {21, 1}).bytes(), "wrong");
    }
  }
  for (const int status : {2, 8, 10, 12, 14, 100, 102, 202, 213, 214, 240}) {
    out.add(begin()({21, 1})({24, 0, status, 0, 0, 5, 0, 1})({15, 255, 3, 1, 1})({20, 1, 1}).times(6, {21, 1}).bytes(),
            "refused");
  }
  for (int kind = 0; kind < 6; ++kind) {
    out.add(begin()({25, kind, 0, 1, 1, 1})({15, 255, 3, 1, 1})({20, 1, 1}).times(6, {21, 1}).bytes(), "said");
  }
  for (int what = 0; what < 9; ++what) {
    for (const int chat : {3, 4}) {
      out.add(begin()({26, chat, what, 1, 1, 0, 1, 4, 1, 1}).times(10, {21, 1}).times(4, {8, 1}).bytes(), "app");
    }
  }
  for (int first = 64; first < 144; first += 4) {
    auto program = begin();
    for (int i = first; i < first + 4; ++i) program({4, i, 1, 1});
    out.add(program.times(8, {21, 1}).times(4, {8, 1})({5, first + 1, 1, 1}).bytes(), "crafted");
  }
  // One that has expired is asked for.
  out.add(begin()({26, 4, 2, 1, 1, 1, 1}).times(2, {21, 1})({24, 0, 2, 0, 0, 5, 0, 1})({26, 4, 6, 1, 1, 1, 1}).bytes(),
          "expired");
  for (int what = 0; what < 12; ++what) {
    for (const int yes : {0, 1}) {
      out.add(begin()({27, 4, yes, 241, what, 1, 1, 1}).times(6, {8, 1})({14, 0, 1, 1}).times(4, {8, 1}).bytes(),
              "people");
    }
  }
  for (int first = 0; first < 48; first += 4) {
    auto program = begin();
    for (int i = first; i < first + 4; ++i) program({28, i, 0, 1})({28, i, 1 + i % 7, 1, 1, 1, 1});
    out.add(program({15, 255, 3, 1, 1}).bytes(), "signals");
  }
}

void engine_programs(const std::filesystem::path& root) {
  Corpus out(root, "engine");
  const auto begin = [] { return Program()({0, 1}); };
  // Numbers: what of a kind, then whether a step follows.
  out.add(begin().times(40, {0, 1}).bytes(), "honest");
  out.add(begin().times(20, {0, 0}).times(20, {8}).bytes(), "honest");
  out.add(begin().times(12, {8, 1}).times(12, {0, 1}).times(12, {8, 1}).bytes(), "honest");
  for (int first = 0; first < 64; first += 4) {
    auto program = begin();
    for (int i = first; i < first + 4; ++i) program({4, i, 1, 1});
    out.add(program.times(6, {8, 1}).times(2, {5, first + 1, 1, 1}).bytes(), "crafted");
  }
  for (int command = 0; command < 8; ++command) {
    out.add(begin()({16, command, command, 1, 1, 1}).times(6, {8, 1})({12, 3, 1, 1})({12, 4, 1, 1}).bytes(), "app");
  }
  for (int kind = 0; kind < 8; ++kind) {
    out.add(begin().times(3, {7, kind, kind, 0, 6, 1, 2, 1, 1})({14, 0, 1, 1}).times(4, {0, 1}).bytes(), "forged");
  }
  for (int status = 1; status < 60; status += 4) {
    out.add(begin()({11, 0, status, 0, 0, 5, 2, 1, 1})({11, 1, status, 0, 0, 5, 2, 1, 1})({15, 0, 16, 1, 1})
                .times(6, {8, 1})
                .bytes(),
            "refused");
  }
  out.add(begin().times(3, {14, 1, 1})({18, 0}).times(8, {0, 1}).times(4, {14, 0, 1, 1}).bytes(), "again");
  out.add(Program()({15}).times(3, {14, 0, 1}).times(6, {8, 1}).times(4, {16, 0, 0, 1}).times(6, {8, 1}).bytes(),
          "fresh");
  engine_media_programs(out);
}

void relay_programs(const std::filesystem::path& root) {
  Corpus out(root, "relay");
  for (int first = 0; first < 48; first += 3) {
    Program program;
    for (int i = first; i < first + 3; ++i) program({0, 0, i, 1});
    out.add(program.bytes(), "requests");
  }
  Program all;
  for (int i = 0; i < 44; ++i) all({0, 0, i, 1});
  out.add(all.bytes(), "requests");
  for (int kind = 0; kind < 10; ++kind) out.add(Program().times(3, {6, 0, kind, 6, 9, 2, 6, 3, 1, 1}).bytes(), "built");
  for (int change = 0; change < 6; ++change) {
    out.add(Program()({7, 0, change % 2, 1, change % 3, change, change / 2, 1, 0, 1, 1, 7, 0, 1, 1}).bytes(), "commit");
  }
  for (int how = 0; how < 32; how += 3) out.add(Program()({12, how, 1})({0, 1, 0, 1})({0, 1, 20, 1}).bytes(), "wires");
  out.add(Program()({9, 0, 20, 0, 100, 1})({10, 0, 0, 0})({9, 0, 23, 0, 200, 1})({14, 0, 20, 1}).bytes(), "many");
  out.add(Program().times(12, {14, 0, 15, 1})({0, 0, 4, 1}).bytes(), "days");
}

}  // namespace

void write_programs(const std::filesystem::path& root) {
  mls_programs(root);
  engine_programs(root);
  relay_programs(root);
}

}  // namespace sotto::fuzz
