// Calls that wait for a store, and what becomes of them: the order of completions, and what a failed storage means for
// each call of a run.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/try.h"

namespace sotto::relay {

enum class OperationKind { read, write };

/// Whether a store said no, rather than failed.
bool is_refusal(ErrorCode code);
/// What the core is told of a failed storage: one of three codes, the cause in the message.
Error storage_error(const Error& cause);

/// A call of `Store`, which has `begin(writes)`, `commit` and `roll_back`.
template <typename Store>
class Operation {
 public:
  explicit Operation(OperationKind kind) : kind_(kind) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  virtual ~Operation() = default;

  [[nodiscard]] bool writes() const { return kind_ == OperationKind::write; }
  /// An error only if the storage failed.
  virtual Status execute(Store& store) = 0;
  virtual void fail(const Error& error) = 0;
  virtual void complete() = 0;

 private:
  OperationKind kind_;
};

template <typename Store>
using Operations = std::vector<std::unique_ptr<Operation<Store>>>;

template <typename Store, typename T>
class TypedOperation final : public Operation<Store> {
 public:
  using Work = std::function<Result<T>(Store&)>;
  using Done = std::function<void(Result<T>)>;
  TypedOperation(OperationKind kind, Work work, Done done)
      : Operation<Store>(kind), work_(std::move(work)), done_(std::move(done)) {}

  Status execute(Store& store) override {
    result_.emplace(work_(store));
    if (result_->ok() || is_refusal(result_->error().code)) return {};
    result_.emplace(storage_error(result_->error()));
    return result_->error();
  }
  void fail(const Error& error) override { result_.emplace(error); }
  void complete() override {
    if (done_) done_(std::move(*result_));
  }

 private:
  Work work_;
  Done done_;
  std::optional<Result<T>> result_;
};

template <typename Store>
Status execute(Store& store, const Operations<Store>& operations, std::size_t writes) {
  SOTTO_TRY(store.begin(writes));
  for (const auto& operation : operations) {
    const Status done = operation->execute(store);
    if (!done.ok() && operation->writes()) {
      store.roll_back();
      return done;
    }
  }
  if (writes > 0) return store.commit();
  store.roll_back();
  return {};
}

/// Carries all out in one transaction; afterwards each can be completed.
template <typename Store>
void carry_out(Store& store, const Operations<Store>& operations) {
  const auto writes = static_cast<std::size_t>(
      std::ranges::count_if(operations, [](const auto& operation) { return operation->writes(); }));
  const Status stored = execute(store, operations, writes);
  if (stored.ok()) return;
  // Nothing of the run is stored. What was read may have been a write that is gone: it is read again. A write that was
  // refused may have been refused for such a one, so it is not known any more whether it would be.
  const Error error = storage_error(stored.error());
  const bool readable = store.begin(0).ok();
  for (const auto& operation : operations) {
    if (operation->writes() || !readable) {
      operation->fail(error);
    } else {
      static_cast<void>(operation->execute(store));  // an error is in the result
    }
  }
  if (readable) store.roll_back();
}

}  // namespace sotto::relay
