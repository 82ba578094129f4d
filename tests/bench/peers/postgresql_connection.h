// A connection of libpq in the generator's loop.
#pragma once

#include <libpq-fe.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "load/loop.h"

namespace sotto::bench {

class PostgresqlConnection : public Watcher {
 public:
  using OnResult = std::function<void(const PGresult&)>;

  /// `where`: libpq's connection string. Blocks until it is connected by TLS.
  explicit PostgresqlConnection(const std::string& where);
  ~PostgresqlConnection() override;

  /// Runs SQL and waits; before `attach`. The first value of the result, if there is one.
  std::string run(const std::string& sql);
  void attach(Loop& loop);

 protected:
  /// A prepared statement in a transaction of its own, with parameters and result in binary. `on_result` hears of it
  /// once it is committed. What is asked meanwhile is sent behind it at once, and answered in order.
  void ask(const std::string& statement, const std::vector<Bytes>& parameters, OnResult on_result);
  /// Asks for `before_writing` at the end of this turn.
  void touch();
  /// The place to ask for what has gathered in a turn.
  virtual void before_writing() {}

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using PgResult = std::unique_ptr<PGresult, Clear>;

  void ready(std::uint32_t events) override;
  void turn_ended() override;
  void flush();
  [[noreturn]] void fail() const;

  std::unique_ptr<PGconn, Finish> connection_;
  Loop* loop_ = nullptr;
  std::deque<OnResult> asked_;
  /// Of the first that was asked: its result, until its commit.
  PgResult result_;
  bool touched_ = false;
  bool wants_writes_ = false;
};

}  // namespace sotto::bench
