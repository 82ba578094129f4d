// What only the form over SQLite promises: files, leases, what is left on the disk, and what a write costs.
#include "relay/backend/sqlite_backend.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "crypto/hash.h"
#include "forms.h"

namespace sotto::relay::test {
namespace {

Result<std::unique_ptr<SqliteBackend>> open(const std::string& folder) {
  SeededRandom random(9);
  return SqliteBackend::open(folder, random);
}

TEST_CASE("one process at a time has the folder", "[backend][sqlite]") {
  SqliteForm form;
  CHECK(open(form.folder()).code() == ErrorCode::IN_USE);
  CHECK(*Calls(form.backend()).append(log_id(1), 0, text("a")) == 1);
  form.reopen();
  CHECK(Calls(form.backend()).load(log_id(1))->last == 1);
}

TEST_CASE("the folder and the file are private", "[backend][sqlite]") {
  SqliteForm form;
  struct stat folder {};
  struct stat file {};
  REQUIRE(::stat(form.folder().c_str(), &folder) == 0);
  REQUIRE(::stat((form.folder() + "/relay.db").c_str(), &file) == 0);
  CHECK((folder.st_mode & 0777) == 0700);
  CHECK((file.st_mode & 0777) == 0600);
}

TEST_CASE("a file that is not ours is refused and left alone", "[backend][sqlite]") {
  TempDir dir;
  const std::string folder = dir.path() + "/data";
  const std::string file = folder + "/relay.db";
  { REQUIRE(open(folder).ok()); }

  SECTION("of a newer version") {
    {
      auto db = store::Database::open(file, {});
      REQUIRE(db.ok());
      REQUIRE((*db)->execute_script("PRAGMA user_version=1000").ok());
    }
    CHECK(open(folder).code() == ErrorCode::NEWER_SCHEMA);
  }
  SECTION("of another application") {
    {
      auto db = store::Database::open(file, {});
      REQUIRE(db.ok());
      REQUIRE((*db)->execute_script("PRAGMA application_id=7").ok());
    }
    CHECK(open(folder).code() == ErrorCode::CORRUPT);
  }
  SECTION("no database at all") {
    const std::string garbage(8192, 'x');
    std::ofstream(file, std::ios::binary | std::ios::trunc) << garbage;
    CHECK(open(folder).code() == ErrorCode::CORRUPT);
    std::ifstream in(file, std::ios::binary);
    CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == garbage);
  }
  SECTION("a folder that cannot be made") {
    CHECK(open(file + "/data").code() == ErrorCode::IO_ERROR);
    CHECK(open("").code() == ErrorCode::INVALID_ARGUMENT);
  }
}

TEST_CASE("reads need no write lock, and what is refused writes nothing", "[backend][sqlite]") {
  SqliteForm form;
  Calls calls(form.backend());
  REQUIRE(calls.append(log_id(1), 0, text("a")).ok());
  REQUIRE(form.sqlite().checkpoint().ok());
  REQUIRE(form.sqlite().wal_size() == 0);

  form.break_storage();
  CHECK(calls.load(log_id(1))->last == 1);
  CHECK(calls.read(log_id(1), 1)->size() == 1);
  CHECK(calls.get(text("k"))->revision == 0);
  form.mend_storage();
  REQUIRE(form.sqlite().checkpoint().ok());

  CHECK(calls.append(log_id(1), 0, text("b")).code() == ErrorCode::CONFLICT);
  CHECK(calls.put(text("k"), text("v"), 5).code() == ErrorCode::CONFLICT);
  CHECK(calls.trim(log_id(1), 1).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(calls.remove(text("k")).ok());
  CHECK(form.sqlite().wal_size() == 0);
  CHECK_FALSE(form.sqlite().checkpoint_due());
}

TEST_CASE("space that was freed is given back, in calls that stay short", "[backend][sqlite]") {
  SqliteForm form;
  Calls calls(form.backend());
  REQUIRE(form.sqlite().checkpoint().ok());
  const auto file = form.folder() + "/relay.db";
  const auto before = std::filesystem::file_size(file);
  constexpr std::uint64_t entries = 300;
  for (std::uint64_t n = 0; n < entries; ++n) REQUIRE(calls.append(log_id(1), n, Bytes(64 * 1024, 'x')).ok());
  REQUIRE(form.sqlite().checkpoint().ok());
  REQUIRE(std::filesystem::file_size(file) > entries * 64 * 1024);
  REQUIRE(calls.snapshot(log_id(1), entries, text("fold")).ok());
  REQUIRE(calls.trim(log_id(1), entries).ok());
  int more = 0;
  for (auto done = form.sqlite().checkpoint(); !done.ok(); done = form.sqlite().checkpoint()) {
    REQUIRE(done.code() == ErrorCode::UNAVAILABLE);
    REQUIRE(++more < 10);
    CHECK(form.sqlite().checkpoint_due());
  }
  CHECK(more > 0);
  CHECK_FALSE(form.sqlite().checkpoint_due());
  CHECK(std::filesystem::file_size(file) < before + 64 * 1024);
}

TEST_CASE("a write costs little WAL", "[backend][sqlite]") {
  SqliteForm form;
  SeededRandom random(4);
  Calls calls(form.backend());
  constexpr std::uint8_t chats = 50;
  std::array<std::uint64_t, chats> last{};
  const auto cost = [&](const auto& work) {
    REQUIRE(form.sqlite().checkpoint().ok());
    REQUIRE(form.sqlite().wal_size() == 0);
    work();
    return form.sqlite().wal_size();
  };

  SECTION("appending a kilobyte: below 16 KiB on average") {
    std::uint64_t sum = 0;
    constexpr int appends = 400;
    for (int i = 0; i < appends; ++i) {
      const auto chat = static_cast<std::uint8_t>(random.below(chats));
      sum += cost([&] { REQUIRE(calls.append(log_id(chat), last[chat]++, random_bytes(random, 1024)).ok()); });
    }
    CHECK(sum / appends < 16 * 1024);
  }
  SECTION("appending, a snapshot of 20 KiB and a trim: below 64 KiB on average, in one run") {
    for (std::uint8_t chat = 0; chat < chats; ++chat) {
      for (int i = 0; i < 10; ++i) {
        REQUIRE(calls.append(log_id(chat), last[chat]++, random_bytes(random, 1024)).ok());
      }
      REQUIRE(calls.snapshot(log_id(chat), 1, random_bytes(random, 20 * 1024)).ok());
    }
    std::uint64_t sum = 0;
    constexpr int rounds = 200;
    for (int i = 0; i < rounds; ++i) {
      const auto chat = static_cast<std::uint8_t>(random.below(chats));
      sum += cost([&] {
        auto& b = form.backend();
        const auto seq = last[chat]++;
        b.append(log_id(chat), seq, random_bytes(random, 1024), {});
        b.snapshot(log_id(chat), seq + 1, random_bytes(random, 20 * 1024 + random.below(200)), {});
        b.trim(log_id(chat), seq - 5, [](auto done) { CHECK(done.ok()); });
        b.run();
      });
    }
    CHECK(sum / rounds < 64 * 1024);
  }
  SECTION("100 appends in 50 chats as one run: below 3 KiB each") {
    const auto size = cost([&] {
      for (int i = 0; i < 100; ++i) {
        const auto chat = static_cast<std::uint8_t>(random.below(chats));
        form.backend().append(log_id(chat), last[chat]++, random_bytes(random, 1024),
                              [](auto seq) { CHECK(seq.ok()); });
      }
      form.backend().run();
    });
    CHECK(size < 100 * 3 * 1024);
  }
}

TEST_CASE("what was trimmed or removed is in no file after a checkpoint", "[backend][sqlite]") {
  SqliteForm form;
  SeededRandom random(2);
  Calls calls(form.backend());
  const Bytes message = random_bytes(random, 40);
  const Bytes large = random_bytes(random, 100'000);
  const Bytes value = random_bytes(random, 40);
  const Bytes blob = random_bytes(random, 90'000);
  const Bytes kept = random_bytes(random, 40);

  REQUIRE(calls.append(log_id(1), 0, message).ok());
  REQUIRE(calls.append(log_id(1), 1, large).ok());
  REQUIRE(calls.append(log_id(1), 2, kept).ok());
  REQUIRE(calls.put(text("k"), value).ok());
  auto what = new_blob(blob);
  what.hash = crypto::sha256(text("another"));
  REQUIRE(calls.blob_begin(blob_id(1), std::move(what)).ok());
  REQUIRE(calls.blob_write(blob_id(1), 0, to_bytes(ByteView(blob).first(80'000))).ok());
  const auto gone = {message, to_bytes(ByteView(large).subspan(50'000, 40)), to_bytes(ByteView(large).last(40)),
                     value,   to_bytes(ByteView(blob).subspan(70'000, 40)),  to_bytes(ByteView(blob).first(40))};
  for (const auto& piece : gone) CHECK(holds(contents(form.folder()), piece));

  REQUIRE(calls.snapshot(log_id(1), 3, text("fold")).ok());
  REQUIRE(calls.trim(log_id(1), 2).ok());
  REQUIRE(calls.remove(text("k")).ok());
  REQUIRE(calls.blob_write(blob_id(1), 80'000, to_bytes(ByteView(blob).subspan(80'000))).code() ==
          ErrorCode::BAD_SIGNATURE);
  CHECK(form.sqlite().checkpoint_due());

  SECTION("asked for") { REQUIRE(form.sqlite().checkpoint().ok()); }
  SECTION("at a clean close") { form.reopen(); }
  SECTION("after a crash, at the first checkpoint") {
    form.crash();
    REQUIRE(form.sqlite().checkpoint_due());
    REQUIRE(form.sqlite().checkpoint().ok());
  }
  const std::string left = contents(form.folder());
  for (const auto& piece : gone) CHECK_FALSE(holds(left, piece));
  CHECK(holds(left, kept));
}

TEST_CASE("also where SQLite moved it from page to page before", "[backend][sqlite]") {
  SqliteForm form;
  // Seeds with which secure_delete alone leaves something in the unused part of a page (SQLite 3.40).
  SeededRandom random(GENERATE(2U, 17U, 18U));
  Calls calls(form.backend());
  struct Chat {
    std::uint64_t last = 0;
    std::uint64_t first = 1;
    std::vector<Bytes> marks;
  };
  std::array<Chat, 20> chats;
  for (int i = 0; i < 3000; ++i) {
    auto number = static_cast<std::uint8_t>(random.below(chats.size()));
    auto& to = chats[number];
    const Bytes mark = random_bytes(random, 16);
    Bytes data;
    for (std::uint64_t n = 1 + random.below(50); n > 0; --n) append(data, mark);
    REQUIRE(calls.append(log_id(number), to.last++, std::move(data)).ok());
    to.marks.push_back(mark);
    if (i % 5 != 0) continue;
    number = static_cast<std::uint8_t>(random.below(chats.size()));
    auto& from = chats[number];
    if (from.first > from.last) continue;
    const std::uint64_t up_to = from.first + random.below(from.last - from.first + 1);
    REQUIRE(calls.snapshot(log_id(number), up_to, text("fold")).ok());
    REQUIRE(calls.trim(log_id(number), up_to).ok());
    from.first = up_to + 1;
  }
  REQUIRE(form.sqlite().checkpoint().ok());
  const std::string left = contents(form.folder());
  std::size_t removed_but_there = 0;
  std::size_t stored_but_missing = 0;
  for (const auto& chat : chats) {
    for (std::size_t i = 0; i < chat.marks.size(); ++i) {
      const bool stored = i + 1 >= chat.first;
      const bool there = holds(left, chat.marks[i]);
      if (there && !stored) ++removed_but_there;
      if (!there && stored) ++stored_but_missing;
    }
  }
  CHECK(removed_but_there == 0);
  CHECK(stored_but_missing == 0);
}

TEST_CASE("a checkpoint is not made inside of a completion", "[backend][sqlite]") {
  SqliteForm form;
  std::optional<ErrorCode> code;
  form.backend().append(log_id(1), 0, text("a"), [&](auto) { code = form.sqlite().checkpoint().code(); });
  form.backend().run();
  CHECK(code == ErrorCode::INVALID_ARGUMENT);
  CHECK(form.sqlite().checkpoint().ok());
}

/// Files cannot grow beyond `bytes` while it lives: a disk that becomes full.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = SIG_DFL;
};

TEST_CASE("a commit that fails in the middle leaves nothing of its run", "[backend][sqlite]") {
  SqliteForm form;
  Backend& b = form.backend();
  REQUIRE(Calls(b).append(log_id(1), 0, text("before")).ok());
  int failures = 0;
  // One more page may be written each time, until all fit.
  for (rlim_t allowed = 0; failures < 1000; allowed += 4096) {
    std::vector<std::optional<ErrorCode>> codes;
    std::uint64_t last_seen = 0;
    {
      const FileSizeLimit limit(form.sqlite().wal_size() + allowed);
      b.append(log_id(1), 1, Bytes(30'000, 7), [&](auto done) { codes.push_back(done.code()); });
      b.append(log_id(1), 2, Bytes(10, 8), [&](auto done) { codes.push_back(done.code()); });
      b.put(text("k"), Bytes(5000, 9), 0, [&](auto done) { codes.push_back(done.code()); });
      b.load(log_id(1), [&](auto state) { last_seen = state.ok() ? state->last : 99; });
      b.run();
    }
    REQUIRE(codes.size() == 3);
    if (!codes[0].has_value()) {
      CHECK(codes == std::vector<std::optional<ErrorCode>>(3));
      CHECK(last_seen == 3);
      break;
    }
    ++failures;
    for (const auto& code : codes) CHECK((code == ErrorCode::IO_ERROR || code == ErrorCode::DISK_FULL));
    CHECK(last_seen == 1);
    CHECK(Calls(b).load(log_id(1))->last == 1);
    CHECK(Calls(b).get(text("k"))->revision == 0);
  }
  CHECK(failures > 3);
  form.crash();
  CHECK(Calls(form.backend()).load(log_id(1))->last == 3);
  CHECK(Calls(form.backend()).get(text("k"))->value == Bytes(5000, 9));
}

}  // namespace
}  // namespace sotto::relay::test
