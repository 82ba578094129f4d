#include "faults/allocations.h"

#include <sqlite3.h>

#include <cstdlib>
#include <new>

namespace sotto::test {

namespace {

struct Counters {
  bool armed = false;
  Allocator allocator = Allocator::cpp;
  /// Allocations until the failing one; 0: none fails.
  std::uint64_t left = 0;
  bool fired = false;
};
// An allocator has no object to keep it in.
thread_local Counters counters;

bool fails_now(Allocator allocator) {
  if (!counters.armed || counters.allocator != allocator || counters.left == 0 || --counters.left != 0) return false;
  counters.fired = true;
  return true;
}

sqlite3_mem_methods usual;

void* sqlite_malloc(int size) { return fails_now(Allocator::sqlite) ? nullptr : usual.xMalloc(size); }
void* sqlite_realloc(void* old, int size) { return fails_now(Allocator::sqlite) ? nullptr : usual.xRealloc(old, size); }

/// Before the first use of SQLite, which fixes its allocator.
const bool installed = [] {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &usual);
  sqlite3_mem_methods failing = usual;
  failing.xMalloc = sqlite_malloc;
  failing.xRealloc = sqlite_realloc;
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) != SQLITE_OK) std::abort();
  // Each allocation is one, not a slot of a connection's own pool.
  return sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK;
}();

void* allocate(std::size_t size, std::size_t alignment) {
  if (fails_now(Allocator::cpp)) return nullptr;
  if (size == 0) size = 1;
  if (alignment == 0) return std::malloc(size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* allocate_or_throw(std::size_t size, std::size_t alignment = 0) {
  if (void* out = allocate(size, alignment)) return out;
  throw std::bad_alloc();
}

}  // namespace

AllocationFault::AllocationFault(Allocator allocator, std::uint64_t nth) { counters = {false, allocator, nth, false}; }
AllocationFault::~AllocationFault() { counters = {}; }
bool AllocationFault::fired() const { return counters.fired; }
AllocationFault::Armed::Armed() { counters.armed = true; }
AllocationFault::Armed::~Armed() { counters.armed = false; }

}  // namespace sotto::test

// protobuf is not made for exceptions: an element that is made for a repeated field is lost if there is no memory to
// put it there. It is read by LeakSanitizer, where there is one.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:google::protobuf::RepeatedPtrField\nleak:google::protobuf::internal::RepeatedPtrField\n"
         "leak:google::protobuf::internal::GenericTypeHandler\n";
}

void* operator new(std::size_t size) { return sotto::test::allocate_or_throw(size); }
void* operator new[](std::size_t size) { return sotto::test::allocate_or_throw(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return sotto::test::allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return sotto::test::allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return sotto::test::allocate(size, 0); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return sotto::test::allocate(size, 0); }
void operator delete(void* old) noexcept { std::free(old); }
void operator delete[](void* old) noexcept { std::free(old); }
void operator delete(void* old, std::size_t) noexcept { std::free(old); }
void operator delete[](void* old, std::size_t) noexcept { std::free(old); }
void operator delete(void* old, std::align_val_t) noexcept { std::free(old); }
void operator delete[](void* old, std::align_val_t) noexcept { std::free(old); }
void operator delete(void* old, std::size_t, std::align_val_t) noexcept { std::free(old); }
void operator delete[](void* old, std::size_t, std::align_val_t) noexcept { std::free(old); }
void operator delete(void* old, const std::nothrow_t&) noexcept { std::free(old); }
void operator delete[](void* old, const std::nothrow_t&) noexcept { std::free(old); }
