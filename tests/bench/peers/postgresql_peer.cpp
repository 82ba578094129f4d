#include <pwd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

#include "load/must.h"
#include "peers/peers.h"
#include "peers/postgresql_connection.h"
#include "peers/server_peer.h"

namespace sotto::bench {

namespace {

/// Messages of one transaction, of one INSERT.
constexpr std::size_t most_written = 32;
/// Messages of one DELETE.
constexpr int most_read = 100;
/// How often a recipient asks who got less than that. NOTIFY was slower in all but idleness: each wakes all processes
/// that listen to any channel of the database.
constexpr auto poll_interval = std::chrono::milliseconds(10);
/// The type bytea, in pg_type.
constexpr std::int32_t bytea_type = 17;

/// In network order, as PostgreSQL's binary formats have it.
template <typename Number>
void append_number(Bytes& to, Number value) {
  for (std::size_t i = sizeof value; i-- > 0;) {
    to.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i)));
  }
}

template <typename Number>
Bytes parameter(Number value) {
  Bytes out;
  append_number(out, value);
  return out;
}

/// bytea[] in binary: dimensions, no nulls, type, then size and first index of the dimension, then the elements.
Bytes array_of_payloads(const std::deque<std::uint64_t>& numbers, std::size_t count) {
  Bytes out;
  for (const auto value : {1, 0, bytea_type, static_cast<std::int32_t>(count), 1}) append_number(out, value);
  for (std::size_t i = 0; i < count; ++i) {
    append_number(out, static_cast<std::int32_t>(payload_bytes));
    append(out, payload_of(numbers[i]));
  }
  return out;
}

class Sender final : public PostgresqlConnection {
 public:
  Sender(const std::string& where, Observer& observer, std::size_t pair)
      : PostgresqlConnection(where), observer_(observer), pair_(pair) {
    run("prepare put(int, bytea[]) as insert into queue (pair, body) select $1, unnest($2)");
  }
  void send(std::uint64_t number) {
    waiting_.push_back(number);
    touch();
  }

 private:
  void before_writing() override {
    if (writing_ > 0 || waiting_.empty()) return;
    writing_ = std::min(waiting_.size(), most_written);
    ask("put", {parameter(static_cast<std::int32_t>(pair_)), array_of_payloads(waiting_, writing_)},
        [this](const PGresult&) { written(); });
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(writing_));
  }
  void written() {
    for (auto left = std::exchange(writing_, 0); left > 0; --left) observer_.accepted(pair_);
    touch();
  }
  Observer& observer_;
  std::size_t pair_;
  std::deque<std::uint64_t> waiting_;
  std::size_t writing_ = 0;
};

class Recipient final : public PostgresqlConnection {
 public:
  Recipient(const std::string& where, Observer& observer, std::size_t pair)
      : PostgresqlConnection(where), observer_(observer), pair_(pair) {
    run("prepare take(int) as with taken as (delete from queue where ctid = any(array("
        "select ctid from queue where pair = $1 order by id limit " +
        std::to_string(most_read) + ")) returning id, body) select body from taken order by id");
  }
  void fetch() {
    if (std::exchange(reading_, true)) return;
    ask("take", {parameter(static_cast<std::int32_t>(pair_))}, [this](const PGresult& rows) { took(rows); });
  }
  [[nodiscard]] bool reading() const { return reading_; }

 private:
  void took(const PGresult& rows) {
    const int count = PQntuples(&rows);
    for (int i = 0; i < count; ++i) {
      observer_.delivered(pair_, number_of({reinterpret_cast<const std::uint8_t*>(PQgetvalue(&rows, i, 0)),
                                            static_cast<std::size_t>(PQgetlength(&rows, i, 0))}));
    }
    reading_ = false;
    if (count == most_read) fetch();
  }
  Observer& observer_;
  std::size_t pair_;
  bool reading_ = false;
};

/// Calls a function once an interval.
class Ticker final : public Watcher {
 public:
  Ticker(Loop& loop, std::chrono::nanoseconds interval, std::function<void()> tick)
      : loop_(loop), tick_(std::move(tick)), fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
    const timespec one{0, interval.count()};
    const itimerspec times{one, one};
    if (fd_ < 0 || ::timerfd_settime(fd_, 0, &times, nullptr) != 0) give_up("timerfd");
    loop_.add(fd_, *this);
  }
  ~Ticker() override {
    loop_.remove(fd_, *this);
    ::close(fd_);
  }

 private:
  void ready(std::uint32_t /*events*/) override {
    std::uint64_t ticks = 0;
    if (::read(fd_, &ticks, sizeof ticks) == sizeof ticks) tick_();
  }
  void turn_ended() override {}
  Loop& loop_;
  std::function<void()> tick_;
  int fd_;
};

class Postgresql final : public ServerPeer {
 public:
  explicit Postgresql(std::string programs) : programs_(std::move(programs)) {}

  void open(Loop& loop, Observer& observer, std::size_t pairs, std::uint64_t /*most*/) override {
    loop_ = &loop;
    observer_ = &observer;
    start_server();
    control_ = std::make_unique<PostgresqlConnection>(where());
    control_->run(
        "create table queue (id bigint generated always as identity, pair int not null, body bytea not null, "
        "primary key (pair, id))");
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      senders_.push_back(std::make_unique<Sender>(where(), observer, pair));
      senders_.back()->attach(loop);
    }
    recipients_.resize(pairs);
    come_online();
    fetch();
  }

  void send(std::size_t pair, std::uint64_t number) override { senders_[pair]->send(number); }
  /// A recipient who hangs up between DELETE and answer loses what it was about: so they wait for their answers.
  void go_offline() override {
    poll_.reset();
    run_until(*loop_, [this] { return std::none_of(recipients_.begin(), recipients_.end(), is_reading); });
    for (auto& one : recipients_) one.reset();
  }
  void come_online() override {
    for (std::size_t pair = 0; pair < recipients_.size(); ++pair) {
      recipients_[pair] = std::make_unique<Recipient>(where(), *observer_, pair);
      recipients_[pair]->attach(*loop_);
    }
    poll_ = std::make_unique<Ticker>(*loop_, poll_interval, [this] { fetch(); });
  }
  void fetch() override {
    for (auto& one : recipients_) one->fetch();
  }
  std::uint64_t stored() override { return std::stoull(control_->run("select count(*) from queue")); }

 private:
  static bool is_reading(const std::unique_ptr<Recipient>& recipient) { return recipient->reading(); }

  [[nodiscard]] std::string where() const {
    return "host=localhost hostaddr=127.0.0.1 port=" + std::to_string(port()) +
           " user=bench dbname=postgres sslmode=verify-full sslrootcert=" + certificate();
  }

  /// Of root it does not want to be started: then it runs as the user of Debian's package.
  void start_server() {
    need(programs_ + "/postgres");
    std::vector<std::string> arguments;
    if (::geteuid() == 0) {
      const passwd* const user = ::getpwnam("postgres");
      if (user == nullptr) throw NotHere("no user postgres");
      for (const auto& path : {folder(), certificate(), key()}) {
        if (::chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) give_up("chown " + path);
      }
      arguments = {"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=KILL"};
    }
    const auto data = folder() + "/data";
    const auto initdb = programs_ + "/initdb -D " + data + " -U bench -A trust --no-sync -E UTF8 --locale=C";
    const auto postgres = programs_ + "/postgres -D " + data + " -p " + std::to_string(port()) +
                          " -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=1000" +
                          " -c ssl=on -c ssl_cert_file=" + certificate() + " -c ssl_key_file=" + key() +
                          " -c fsync=on -c synchronous_commit=on";
    arguments.insert(arguments.end(), {"sh", "-c", "cd " + folder() + " && " + initdb + " && exec " + postgres});
    start(arguments);
    (void)server().wait_for("database system is ready to accept connections");
  }

  std::string programs_;
  Loop* loop_ = nullptr;
  Observer* observer_ = nullptr;
  std::unique_ptr<PostgresqlConnection> control_;
  std::vector<std::unique_ptr<Sender>> senders_;
  std::vector<std::unique_ptr<Recipient>> recipients_;
  std::unique_ptr<Ticker> poll_;
};

}  // namespace

std::unique_ptr<Peer> make_postgresql(const std::string& programs) { return std::make_unique<Postgresql>(programs); }

}  // namespace sotto::bench
