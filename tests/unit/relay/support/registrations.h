// Somebody who asks for an account.
#pragma once

#include "unit/relay/support/relay_world.h"

namespace sotto::relay::test {

inline wire::Request request_code(const std::string& handle) {
  wire::Request request;
  request.mutable_request_code()->set_handle(handle);
  return request;
}

class Applicant {
 public:
  Applicant(World& world, Person& person) : world_(world), person_(person) {
    if (person_.first_list.body().empty()) person_.first_list = person_.next_list();
    reconnect();
  }

  void reconnect() { link_ = &world_.connect(person_); }
  [[nodiscard]] Link& link() { return *link_; }
  [[nodiscard]] Person& person() { return person_; }

  Applicant& code(const std::string& text) { return code_ = text, *this; }
  Applicant& invite(const std::string& text) { return invite_ = text, *this; }
  /// 32 bytes, or none.
  Applicant& pin(const std::string& hash) { return pin_ = hash, *this; }

  [[nodiscard]] wire::Request request(const std::string& handle) const {
    auto out = register_request(*link_, handle, person_.first_list);
    out.mutable_register_()->set_code(code_);
    out.mutable_register_()->set_invite(invite_);
    out.mutable_register_()->set_pin_hash(pin_);
    return out;
  }
  wire::Response register_as(const std::string& handle) { return link_->ask(request(handle)); }
  /// Has a code sent, and registers with it.
  wire::Response prove(const std::string& handle) {
    const auto sent = link_->ask(request_code(handle));
    if (!success(sent)) return sent;
    return code(world_.codes.back().code).register_as(handle);
  }

 private:
  World& world_;
  Person& person_;
  Link* link_ = nullptr;
  std::string code_;
  std::string invite_;
  std::string pin_;
};

}  // namespace sotto::relay::test
