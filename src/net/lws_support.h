// What both ends need of libwebsockets; inside net/ only.
#pragma once

#include <libwebsockets.h>

#include <chrono>
#include <memory>
#include <string_view>

#include "base/bytes.h"

namespace sotto::net {

struct LwsContextDeleter {
  void operator()(lws_context* context) const { lws_context_destroy(context); }
};
using LwsContext = std::unique_ptr<lws_context, LwsContextDeleter>;

/// lws_create_context, with libwebsockets' logging (process-wide, and full of addresses) switched off.
///
/// LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT must be given to vhosts only: in a context's options it makes libwebsockets
/// take a new, process-wide index for its data in SSL objects, so that the handshakes that other contexts have under
/// way find nothing under it and fail. Without it the index is 0, OpenSSL's place for application data, for all of
/// them. OpenSSL (1.1 and later) initialises itself.
LwsContext create_lws_context(const lws_context_creation_info& info);

/// The piece of a message that a RECEIVE callback brings.
inline ByteView received(const void* in, std::size_t size) { return {static_cast<const std::uint8_t*>(in), size}; }

/// Sets the Close frame that goes out when the callback returns -1. A reason longer than the RFC allows is cut.
void set_close_reason(lws* wsi, std::uint16_t code, std::string_view reason);

/// Hangs up soon, from the loop, whatever state the connection is in.
void kill(lws* wsi);

/// A one-shot timer of a poll-driven context. The callback may destroy the timer.
class LwsTimer {
 public:
  using Callback = void (*)(void* argument);
  LwsTimer(Callback callback, void* argument) : node_{{}, callback, argument} {}
  LwsTimer(const LwsTimer&) = delete;
  LwsTimer& operator=(const LwsTimer&) = delete;
  ~LwsTimer() { cancel(); }

  void start(lws_context* context, std::chrono::microseconds delay);
  void cancel();

 private:
  struct Node {
    lws_sorted_usec_list_t list;  // first, so that its address is the node's
    Callback callback;
    void* argument;
  };
  static void fired(lws_sorted_usec_list_t* list);
  Node node_;
};

}  // namespace sotto::net
