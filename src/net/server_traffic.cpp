// What an open connection sends and receives, and its end.
#include "base/utf8.h"
#include "net/server_loop.h"

namespace sotto::net {
namespace {

/// How long a peer that does not read may take to notice that it was dropped.
constexpr ev_tstamp dropped_close_seconds = 1;

}  // namespace

int ServerLoop::receive(Connection& connection, ByteView piece) {
  connection.last_heard = ev_now(loop_.get());
  if (connection.close_with) return 0;
  const bool first = lws_is_first_fragment(connection.wsi) != 0;
  const bool json = connection.encoding == Encoding::json;
  if (first && (lws_frame_is_binary(connection.wsi) == 0) != json) {
    begin_close(connection, close_code::unsupported_data, json ? "text messages only" : "binary messages only");
    return 0;
  }
  if (first) connection.receiving_since = connection.last_heard;
  switch (connection.assembler.add(piece, first, lws_is_final_fragment(connection.wsi) != 0,
                                   lws_remaining_packet_payload(connection.wsi),
                                   json ? config_.max_text_bytes : config_.max_message_bytes)) {
    case Assembler::Result::more:
      return 0;
    case Assembler::Result::too_large:
      begin_close(connection, close_code::too_big, {});
      return 0;
    case Assembler::Result::complete:
      break;
  }
  connection.receiving_since.reset();
  Bytes message = connection.assembler.take();
  if (json && !is_valid_utf8(as_text(message))) {
    begin_close(connection, close_code::invalid_payload, "not UTF-8");
    return 0;
  }
  if (config_.max_unprocessed_bytes > 0) {
    connection.unprocessed += message.size();
    if (connection.unprocessed >= config_.max_unprocessed_bytes && !connection.paused) {
      connection.paused = true;
      lws_rx_flow_control(connection.wsi, 0);
    }
  }
  events_.emplace_back(Message{connection.id, std::move(message)});
  return 0;
}

int ServerLoop::writeable(Connection& connection) {
  if (!connection.open || connection.close_sent) return 0;
  lws* wsi = connection.wsi;
  // The socket takes bytes, or this would not be called (lws_send_pipe_choked would ask the system once more); but what
  // libwebsockets held back of the last write goes first.
  if (lws_partial_buffered(wsi) != 0) {
    lws_callback_on_writable(wsi);
    return 0;
  }
  if (connection.ping_due && !connection.close_with) {
    connection.ping_due = false;
    // Not empty: of an empty pong libwebsockets tells nobody.
    std::array<std::uint8_t, LWS_PRE + 1> ping{};
    if (lws_write(wsi, ping.data() + LWS_PRE, 1, LWS_WRITE_PING) < 0) return -1;
    if (!connection.queue.empty()) lws_callback_on_writable(wsi);
    return 0;
  }
  if (connection.queue.empty()) {
    if (!connection.close_with) return 0;
    connection.close_sent = true;
    set_close_reason(wsi, *connection.close_with, connection.close_reason);
    return -1;
  }
  const bool json = connection.encoding == Encoding::json;
  connection.queue.take(LWS_PRE, scratch_, json ? 0 : coalesce_bytes);
  const auto kind = json ? LWS_WRITE_TEXT : LWS_WRITE_BINARY;
  if (lws_write(wsi, scratch_.data() + LWS_PRE, scratch_.size() - LWS_PRE, kind) < 0) return -1;
  if (connection.above_low_water && connection.queue.bytes() <= config_.low_water_bytes) {
    connection.above_low_water = false;
    if (!connection.close_with) events_.emplace_back(Drained{connection.id, connection.queue.bytes()});
  }
  // The Close frame, too, gets a callback of its own: written behind a part that libwebsockets holds back, it is lost.
  if (!connection.queue.empty() || connection.close_with) lws_callback_on_writable(wsi);
  return 0;
}

void ServerLoop::begin_close(Connection& connection, std::uint16_t code, std::string_view reason) {
  if (connection.close_with) return;
  connection.close_with = code;
  connection.close_reason = reason;
  connection.assembler.take();
  connection.cut_at = ev_now(loop_.get()) + static_cast<ev_tstamp>(config_.close_timeout.count()) / 1000;
  if (connection.paused) lws_rx_flow_control(connection.wsi, 1);  // the peer's Close must come through
  lws_callback_on_writable(connection.wsi);
}

void ServerLoop::destroyed(Connection& connection) {
  const ConnectionId id = connection.id;
  const bool was_open = connection.open;
  connections_.erase(id);
  if (was_open) {
    events_.emplace_back(Closed{id});
  } else {
    handshake_ended();
  }
  if (stopping_ && connections_.empty()) ev_break(loop_.get(), EVBREAK_ALL);
}

void ServerLoop::perform(Send&& action) {
  Connection* connection = find(action.id);
  if (connection == nullptr || !connection->open || connection->close_with || !action.bytes) return;
  if (action.bytes->size() > config_.max_queued_bytes - connection->queue.bytes()) {
    // It does not read, so it will hardly read the Close frame either.
    connection->queue.clear();
    begin_close(*connection, close_code::policy_violation, "too slow");
    connection->cut_at = ev_now(loop_.get()) + dropped_close_seconds;
    return;
  }
  connection->queue.push(std::move(action.bytes));
  if (connection->queue.bytes() > config_.low_water_bytes) connection->above_low_water = true;
  lws_callback_on_writable(connection->wsi);
}

void ServerLoop::perform(Close&& action) {
  Connection* connection = find(action.id);
  if (connection != nullptr && connection->open) begin_close(*connection, action.code, action.reason);
}

void ServerLoop::perform(Processed&& action) {
  Connection* connection = find(action.id);
  if (connection == nullptr) return;
  connection->unprocessed -= std::min(connection->unprocessed, action.bytes);
  if (connection->paused && connection->unprocessed <= config_.max_unprocessed_bytes / 2) {
    connection->paused = false;
    if (connection->receiving_since) connection->receiving_since = ev_now(loop_.get());
    if (!connection->close_with) lws_rx_flow_control(connection->wsi, 1);
  }
}

}  // namespace sotto::net
