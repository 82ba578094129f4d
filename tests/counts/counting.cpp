#include "counts/counting.h"

#include <sqlite3.h>

#include <cstdlib>
#include <new>
#include <vector>

namespace sotto::test {

namespace {

// An allocator has no object to keep it in, and SQLite none for what it does to each new connection.
thread_local bool counting = false;
thread_local std::uint64_t allocated = 0;
std::vector<std::pair<const sqlite3*, std::uint64_t>> statements;

int on_statement(unsigned /*event*/, void* context, void* /*statement*/, void* /*sql*/) {
  for (auto& [connection, count] : statements) {
    if (connection == context) ++count;
  }
  return 0;
}

int on_connection(sqlite3* connection, const char** /*error*/, const void* /*api*/) {
  statements.emplace_back(connection, 0);
  return sqlite3_trace_v2(connection, SQLITE_TRACE_STMT, on_statement, connection);
}

const bool installed = [] {
  return sqlite3_auto_extension(reinterpret_cast<void (*)()>(on_connection)) == SQLITE_OK;
}();

void* allocate(std::size_t size) {
  if (counting) ++allocated;
  if (void* out = std::malloc(size == 0 ? 1 : size)) return out;
  throw std::bad_alloc();
}

}  // namespace

Counting::Counting() {
  allocated = 0;
  counting = true;
}
Counting::~Counting() { counting = false; }
std::uint64_t Counting::allocations() { return allocated; }

std::uint64_t statements_of(std::size_t connection) {
  return installed ? statements.at(connection).second : UINT64_MAX;
}
void forget_statements() { statements.clear(); }

}  // namespace sotto::test

void* operator new(std::size_t size) { return sotto::test::allocate(size); }
void* operator new[](std::size_t size) { return sotto::test::allocate(size); }
void operator delete(void* old) noexcept { std::free(old); }
void operator delete[](void* old) noexcept { std::free(old); }
void operator delete(void* old, std::size_t) noexcept { std::free(old); }
void operator delete[](void* old, std::size_t) noexcept { std::free(old); }
