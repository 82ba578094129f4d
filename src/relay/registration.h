// Who may make an account: everybody, the invited, or who shows the code that was sent to their phone number.
#pragma once

#include "relay/handles.h"
#include "relay/state.h"

namespace sotto::relay {

class Registration {
 public:
  Registration(State& state, Handles& handles) : s_(state), handles_(handles) {}

  Answer request_code(Call& call, const wire::RequestCode& request);
  Answer register_user(Call& call, const wire::Register& request);

  /// Looks, once an hour, for codes, claims and invitations whose time is over.
  void look();
  /// Removes them. Before each run.
  void work();
  /// Nothing where there are none.
  [[nodiscard]] std::optional<std::uint64_t> next_look() const;

 private:
  struct Applicant {
    const wire::Register& request;
    UserId user;
    bool new_user = false;
    std::optional<HandleRecord> owner;
  };
  /// Whether the handle is the applicant's now. False: something is still being read, or `refusal` is set.
  bool admit(Call& call, const Applicant& who, Answer& refusal);
  bool admit_by_invite(Call& call, const Applicant& who, Answer& refusal);
  bool admit_by_code(Call& call, const Applicant& who, Answer& refusal);
  /// Why this code is not good; counts wrong ones.
  Answer check_code(CodeRecord code, const Applicant& who);
  template <typename T>
  void scan(const RecordKey& family, RecordKey after);
  template <typename T>
  bool remove_if_over(RecordCache<T>& cache, const RecordKey& key);

  State& s_;
  Handles& handles_;
  std::uint64_t next_look_ = 0;
  std::set<RecordKey> over_;
};

}  // namespace sotto::relay
