#include "peers/postgresql_connection.h"

#include "load/must.h"

namespace sotto::bench {

PostgresqlConnection::PostgresqlConnection(const std::string& where) : connection_(PQconnectdb(where.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) fail();
  if (PQsslInUse(connection_.get()) != 1) give_up("postgresql: a connection without TLS");
}

PostgresqlConnection::~PostgresqlConnection() {
  if (loop_ != nullptr) loop_->remove(PQsocket(connection_.get()), *this);
}

void PostgresqlConnection::fail() const { give_up(std::string("postgresql: ") + PQerrorMessage(connection_.get())); }

std::string PostgresqlConnection::run(const std::string& sql) {
  const PgResult result(PQexec(connection_.get(), sql.c_str()));
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail();
  return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : std::string();
}

void PostgresqlConnection::attach(Loop& loop) {
  if (PQsetnonblocking(connection_.get(), 1) != 0 || PQenterPipelineMode(connection_.get()) != 1) fail();
  loop_ = &loop;
  loop.add(PQsocket(connection_.get()), *this);
}

void PostgresqlConnection::ask(const std::string& statement, const std::vector<Bytes>& parameters, OnResult on_result) {
  constexpr int binary = 1;
  std::vector<const char*> values;
  std::vector<int> sizes;
  for (const auto& one : parameters) {
    values.push_back(reinterpret_cast<const char*>(one.data()));
    sizes.push_back(static_cast<int>(one.size()));
  }
  const std::vector<int> formats(parameters.size(), binary);
  // The sync is what commits.
  if (PQsendQueryPrepared(connection_.get(), statement.c_str(), static_cast<int>(parameters.size()), values.data(),
                          sizes.data(), formats.data(), binary) != 1 ||
      PQpipelineSync(connection_.get()) != 1) {
    fail();
  }
  asked_.push_back(std::move(on_result));
  touch();
}

void PostgresqlConnection::touch() {
  if (touched_ || loop_ == nullptr) return;
  touched_ = true;
  loop_->touch(*this);
}

void PostgresqlConnection::turn_ended() {
  touched_ = false;
  before_writing();
  flush();
}

void PostgresqlConnection::flush() {
  const int left = PQflush(connection_.get());
  if (left < 0) fail();
  if (const bool wanted = left > 0; wanted != wants_writes_) {
    wants_writes_ = wanted;
    loop_->want_writes(PQsocket(connection_.get()), *this, wanted);
  }
}

void PostgresqlConnection::ready(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush();
  if (PQconsumeInput(connection_.get()) != 1) fail();
  // Of each: its result, nothing, and the sync.
  while (!asked_.empty() && PQisBusy(connection_.get()) == 0) {
    PgResult result(PQgetResult(connection_.get()));
    if (result == nullptr) continue;
    const auto status = PQresultStatus(result.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
      result_ = std::move(result);
    } else if (status == PGRES_PIPELINE_SYNC) {
      const auto on_result = std::move(asked_.front());
      asked_.pop_front();
      const auto done = std::move(result_);
      on_result(*done);
    } else {
      give_up(std::string("postgresql: ") + PQresultErrorMessage(result.get()));
    }
  }
}

}  // namespace sotto::bench
