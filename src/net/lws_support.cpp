#include "net/lws_support.h"

#include <algorithm>
#include <mutex>

namespace sotto::net {
namespace {

void discard_log(int /*level*/, const char* /*line*/) {}

}  // namespace

LwsContext create_lws_context(const lws_context_creation_info& info) {
  // The log level and the plug-in loader are global state of libwebsockets.
  static std::mutex creating;
  const std::lock_guard lock(creating);
  // No level at all: lines are put together in one static buffer before any sink sees them, by all threads at once.
  lws_set_log_level(0, discard_log);
  return LwsContext(lws_create_context(&info));
}

void set_close_reason(lws* wsi, std::uint16_t code, std::string_view reason) {
  Bytes copy = to_bytes(reason.substr(0, 123));  // RFC 6455 section 5.5: 125 bytes with the code
  lws_close_reason(wsi, static_cast<lws_close_status>(code), copy.data(), copy.size());
}

void kill(lws* wsi) { lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_ACK, LWS_TO_KILL_ASYNC); }

void LwsTimer::start(lws_context* context, std::chrono::microseconds delay) {
  // 0 would mean "now" for some versions and "off" for others.
  lws_sul_schedule(context, 0, &node_.list, &fired, std::max<lws_usec_t>(1, delay.count()));
}

void LwsTimer::cancel() { lws_sul_cancel(&node_.list); }

void LwsTimer::fired(lws_sorted_usec_list_t* list) {
  const Node node = *reinterpret_cast<Node*>(list);
  node.callback(node.argument);
}

}  // namespace sotto::net
