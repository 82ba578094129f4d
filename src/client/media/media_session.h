// The second connection, for attachments: opened when there is something to move, closed when there is not.
#pragma once

#include <map>

#include "client/context.h"
#include "wire/message.h"

namespace sotto::client {

class MediaSession {
 public:
  /// Called with the answer, inside a step. Forgotten without a call when the connection ends.
  using OnAnswer = std::function<Status(const wire::Response&)>;

  explicit MediaSession(Context& context) : c_(context) {}

  [[nodiscard]] bool ready() const { return link_ == Link::ready; }
  [[nodiscard]] bool offline() const { return link_ == Link::offline; }
  void request(const wire::Request& request, OnAnswer on_answer);

  /// There is something to move, or not. Connects only while the main connection is there.
  void want(bool work, bool main_is_there);
  void on_connected();
  Status on_frame(ByteView frame);
  void on_lost(const Error& why);
  /// Ends it from this side; tries again later.
  void abandon(const Error& why);

  /// Abandons a connection that does not answer, or that has had nothing to do for a while.
  void on_time();
  [[nodiscard]] std::optional<Timestamp> next_timer() const;
  void set_clock_back(std::chrono::milliseconds by);

 private:
  enum class Link : std::uint8_t { offline, connecting, waiting_for_challenge, authenticating, ready };
  struct Waiting {
    OnAnswer on_answer;
    Timestamp deadline;
  };
  Status authenticate(const wire::Challenge& challenge);
  Status on_authenticated(const wire::Response& response);

  Context& c_;
  Link link_ = Link::offline;
  bool wanted_ = false;
  std::uint32_t failures_ = 0;
  Timestamp next_try_{};
  /// When it must have got on; or, with nothing to do, when it is closed.
  Timestamp deadline_{};
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Waiting> waiting_;
};

}  // namespace sotto::client
