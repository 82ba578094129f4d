#include "store/lease.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/database.h"
#include "support/catch.h"
#include "support/temp_dir.h"

using namespace sotto;
using namespace sotto::store;
using sotto::test::TempDir;

namespace {

/// A child process that takes the lease and then waits to be killed; the constructor returns once it has it.
class HoldingProcess {
 public:
  explicit HoldingProcess(const std::string& path) {
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      const auto lease = Lease::acquire(path);
      const char answer = lease.ok() ? 'y' : 'n';
      if (::write(ready[1], &answer, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char answer = 0;
    CHECK(::read(ready[0], &answer, 1) == 1);
    CHECK(answer == 'y');
    ::close(ready[0]);
    ::close(ready[1]);
  }
  HoldingProcess(const HoldingProcess&) = delete;
  HoldingProcess& operator=(const HoldingProcess&) = delete;
  ~HoldingProcess() { kill(); }

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("one process holds the lease of a store, until it dies") {
  const TempDir dir;
  HoldingProcess other(dir.file("a.db"));
  CHECK(Lease::acquire(dir.file("a.db")).code() == ErrorCode::IN_USE);
  OpenOptions options;
  options.sharing = Sharing::lease;
  CHECK(Database::open(dir.file("a.db"), options).code() == ErrorCode::IN_USE);
  other.kill();
  CHECK(Database::open(dir.file("a.db"), options).ok());
}

TEST_CASE("within a process, too, and it ends with its holder") {
  const TempDir dir;
  OpenOptions options;
  options.sharing = Sharing::lease;
  {
    const auto db = Database::open(dir.file("a.db"), options).value();
    CHECK(Database::open(dir.file("a.db"), options).code() == ErrorCode::IN_USE);
    CHECK(Database::open(dir.file("b.db"), options).ok());
    CHECK(db->open_reader().ok());  // readers need no lease
  }
  CHECK(Database::open(dir.file("a.db"), options).ok());
}

TEST_CASE("a lease can be moved") {
  const TempDir dir;
  auto a = Lease::acquire(dir.file("a")).value();
  auto b = std::move(a);
  CHECK(Lease::acquire(dir.file("a")).code() == ErrorCode::IN_USE);
  { const auto gone = std::move(b); }
  CHECK(Lease::acquire(dir.file("a")).ok());
}

TEST_CASE("a lock file that cannot be made is an I/O error") {
  const TempDir dir;
  CHECK(Lease::acquire(dir.file("no/a")).code() == ErrorCode::IO_ERROR);
}
